//! The same release once more: a revision whose figures are combined with those before it.

use marsad_terms::Name;

use super::*;
use crate::combined::Earlier;

impl Fixture {
    /// The same release proposed again, its n-th revision: other noise.
    pub(crate) fn revised(n: u32) -> (Proposal, ReleasedTable) {
        let Self { catalog, proposal, .. } = Self::shared();
        let mut proposal = proposal.clone();
        proposal.request.revision = n;
        for statistic in &mut proposal.request.statistics {
            statistic.plan = Some(Digest::of(statistic.id.as_str().as_bytes()));
        }
        proposal.frozen = quarters(8);
        if n > 0 {
            proposal.release = format!("2024-Q4-{}", if n == 1 { "B" } else { "C" }).parse().unwrap();
        }
        proposal.f = canonical::digest(&proposal.request).unwrap();
        let bytes = result(shapes(catalog), series(catalog), vec![organisations(catalog)], &proposal);
        (proposal, ReleasedTable::read(&bytes).unwrap())
    }

    /// The release before the revision of [`Self::combined`].
    pub(crate) fn before() -> Edition {
        let (proposal, released) = Self::revised(0);
        bundle::edition(&Self::shared().catalog, &released, &proposal, &context()).unwrap()
    }

    /// A revision whose figures are combined with those of the release before.
    pub(crate) fn combined() -> Edition {
        Self::combined_with(Digest::of(b"the bundle before"))
    }

    /// The same, where the bundle before has this hash.
    pub(crate) fn combined_with(manifest: Digest) -> Edition {
        let ((before, noise), (proposal, released)) = (Self::revised(0), Self::revised(1));
        let earlier = vec![Earlier { proposal: before, rule: rule(), manifest, released: noise }];
        let context = Context { earlier, ..context() };
        bundle::edition(&Self::shared().catalog, &released, &proposal, &context).unwrap()
    }
}

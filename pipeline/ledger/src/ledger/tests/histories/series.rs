//! The entries of V13 that concern series, in the translation that the file above states.

use std::collections::BTreeSet;

use marsad_privacy::series::StepDraw;

use super::*;
use crate::event::{StepForfeited, StepReserved};
use crate::series::{nothing, opening};

/// What a history told of its series so far.
#[derive(Default)]
pub(super) struct Told {
    /// By label, with F of the release that opens it.
    series: BTreeMap<String, (SeriesWish, Digest)>,
    /// F of the release that asks for a redraw, by the label of the draw.
    redraws: BTreeMap<String, Digest>,
    /// Labels of draws that a published release shows.
    published: BTreeSet<String>,
}

fn label(series: &str, step: u32, revision: u32) -> String {
    if revision == 0 { format!("{series}/{step}") } else { format!("{series}/{step}#{revision}") }
}

fn small(value: &Value) -> u32 {
    value.as_u64().unwrap_or(0).try_into().unwrap()
}

impl Told {
    /// F of the release that opens the series of this label.
    pub(super) fn opening_release(&self, label: &str) -> Option<Digest> {
        self.series.get(label).map(|(_, f)| *f)
    }

    /// The states of V13: of each series, of each draw, and of redraws that were only asked for.
    pub(super) fn stages(&self, state: &State) -> BTreeMap<String, String> {
        let stage = |f: &Digest| state.request(f).unwrap().state.to_string();
        let mut stages: BTreeMap<String, String> =
            self.redraws.iter().map(|(label, f)| (label.clone(), stage(f))).collect();
        for (name, (wish, f)) in &self.series {
            let Some(open) = state.series(&wish.id()) else {
                stages.insert(name.clone(), stage(f));
                continue;
            };
            stages.insert(name.clone(), "opened".to_owned());
            for (of, draw) in open.all_draws() {
                let label = label(name, of.step, of.revision);
                let shown = self.published.contains(&label).then(|| "published".to_owned());
                stages.insert(label, shown.unwrap_or(draw.stage.to_string()));
            }
        }
        stages
    }
}

impl History {
    pub(super) fn is_of_a_series(&self, entry: &Value) -> bool {
        let opened = entry["f"].as_str().is_some_and(|f| self.series.series.contains_key(f));
        opened || entry.get("series").is_some() || entry.get("series_of").is_some()
    }

    fn wish(&self, entry: &Value) -> SeriesWish {
        let name = entry["series"].as_str().or(entry["f"].as_str()).unwrap();
        self.series.series[name].0.clone()
    }

    fn step(&self, entry: &Value) -> SeriesStep {
        self.wish(entry).step(small(&entry["step"]), small(&entry["revision"]))
    }

    fn label_of(entry: &Value) -> String {
        label(entry["series"].as_str().unwrap(), small(&entry["step"]), small(&entry["revision"]))
    }

    pub(super) async fn take_of_series(&mut self, kind: &str, entry: &Value) -> (String, Option<Refusal>) {
        let done = match kind {
            "asked" => return (self.asked_for_step(entry).await, None),
            "result" => return (self.store_step(entry).await, None),
            "recovery" => return (self.recover_step(entry).await, None),
            "proposed" if entry.get("series_of").is_some() => self.propose_series(entry).await,
            "proposed" => self.propose_redraw(entry).await,
            "series_opened" => self.open(entry).await,
            "reserved" if entry.get("series").is_none() => {
                let refused = self.entry(Event::Reserved(self.reserved(entry).await), None).await;
                assert!(matches!(refusal(refused), Refusal::NotOpened { .. }));
                return ("refused: kind".to_owned(), None);
            }
            "reserved" => self.reserve_step(entry).await,
            "released" => {
                let hash = Digest::of(&self.step_bytes(entry).await);
                self.ledger.release_step(self.step(entry), &run_id(entry), hash).await
            }
            "forfeited" => {
                let SeriesStep { series, step, .. } = self.step(entry);
                let said = StepForfeited { series, step, run: run_id(entry) };
                self.entry(Event::StepForfeited(said), None).await.map(|_| ())
            }
            "published" => {
                self.publish_step(entry).await;
                Ok(())
            }
            other => panic!("{other}"),
        };
        verdict(done)
    }

    async fn propose_series(&mut self, entry: &Value) -> Result<()> {
        let name = entry["f"].as_str().unwrap();
        let mut series =
            SeriesWish::new(name, entry["nano_rho"].as_u64().unwrap(), small(&entry["series_of"]));
        series.record_types = serde_json::from_value(entry["record_types"].clone()).unwrap();
        let (id, needed) = (entry["id"].as_str().unwrap(), small(&entry["need"]));
        let wish = Wish { id: id.to_owned(), needed, ..Wish::of_series(name, series.clone()) };
        let mut proposal = wish.proposal(&self.state().await);
        // It opens the series, open or not.
        proposal.series[0].opens = true;
        proposal.nano_rho = proposal.request.price(&proposal.series).unwrap();
        assert_eq!(entry["nano_rho"].as_u64(), Some(proposal.nano_rho.get()));
        let made = self.ledger.propose(&proposal, &cast().ana).await?;
        self.series.series.insert(name.to_owned(), (series, proposal.f));
        self.proposals.insert(id.to_owned(), made);
        Ok(())
    }

    async fn propose_redraw(&mut self, entry: &Value) -> Result<()> {
        let (id, series) = (entry["id"].as_str().unwrap(), self.wish(entry));
        let state = self.state().await;
        let last = state.series(&series.id()).unwrap().next_step() - 1;
        let redraws = vec![self.step(entry)];
        let wish = Wish { redraws, ..Wish::of_series(id, series.through(last)) };
        let mut proposal = wish.proposal(&state);
        if let Some(right) = entry.get("right") {
            assert_eq!(right.as_u64(), Some(proposal.nano_rho.get()));
        }
        proposal.nano_rho = amount(&entry["nano_rho"]);
        let made = self.ledger.propose(&proposal, &cast().ana).await?;
        self.series.redraws.insert(Self::label_of(entry), proposal.f);
        self.proposals.insert(id.to_owned(), made);
        Ok(())
    }

    async fn open(&self, entry: &Value) -> Result<()> {
        let (wish, f) = &self.series.series[entry["f"].as_str().unwrap()];
        let request = self.state().await.request(f).unwrap().clone();
        let said = opening(&request.proposal, request.proposal_id, &wish.id()).unwrap();
        self.entry(Event::Opened(said), None).await.map(|_| ())
    }

    async fn reserve_step(&self, entry: &Value) -> Result<()> {
        let SeriesStep { series, step, revision } = self.step(entry);
        let state = self.state().await;
        let charge = state.series(&series).map(|open| open.charge_of(self.step(entry)));
        let (nano_rho, scopes) = charge.unwrap_or_else(nothing);
        let (run, data) = (run_id(entry), Digest::of(b"custody"));
        let said = StepReserved { series, step, revision, run, nano_rho, scopes, data };
        let mut draft = Event::StepReserved(said).draft();
        if let Some(f) = entry.get("f") {
            draft.body["f"] = f.clone();
        }
        self.ledger.append(|_| Ok(Some(draft.clone()))).await.map(|_| ())
    }

    async fn step_bytes(&self, entry: &Value) -> Vec<u8> {
        let (of, state) = (self.step(entry), self.state().await);
        let open = state.series(&of.series).unwrap();
        let draw = StepDraw { series: of.series, nano_rho: open.nano_rho, revision: of.revision };
        let cells = vec![7; open.shape.n_coordinates()];
        serde_json::to_vec(&noisy_step(&draw, &open.shape, of.step, cells)).unwrap()
    }

    async fn store_step(&self, entry: &Value) -> String {
        let (path, bytes) = (format!("runs/{}", run_id(entry)), self.step_bytes(entry).await);
        let stored = self.ledger.store().create(&path, &bytes.into()).await.unwrap();
        if stored == marsad_log::Created::New { "stored" } else { "refused: exists" }.to_owned()
    }

    async fn recover_step(&self, entry: &Value) -> String {
        let ended = self.ledger.recover_all().await.unwrap();
        let of = RunOf::Step(self.step(entry));
        ended.iter().find(|run| run.of == of).map_or("nothing to do".to_owned(), |run| run.state.to_string())
    }

    async fn asked_for_step(&self, entry: &Value) -> String {
        let of = self.step(entry);
        let found = self.ledger.reserve_step(of, new_run().unwrap(), Digest::of(b"custody")).await;
        let Ok(ReserveStep::Stored(step)) = found else { panic!("{found:?}") };
        let state = self.state().await;
        let hash = state.series(&of.series).unwrap().released(of.step).unwrap().hash;
        assert_eq!(hash, Some(Digest::of(&serde_json::to_vec(&step).unwrap())));
        "same bytes".to_owned()
    }

    /// A release that shows the series through the step, from its proposal to its publication.
    async fn publish_step(&mut self, entry: &Value) {
        let (of, name, state) = (self.step(entry), Self::label_of(entry), self.state().await);
        let id = if let Some(f) = self.series.redraws.get(&name) {
            state.request(f).unwrap().proposal_id
        } else {
            let wish = Wish::of_series(&name.replace('/', "-"), self.wish(entry).through(of.step));
            ready(&self.ledger, &wish).await
        };
        self.ledger.open_series(id).await.unwrap();
        let state = self.state().await;
        let proposal = state.by_id(id).unwrap().proposal.clone();
        let (_, asked) = proposal.request.series().next().unwrap();
        let shown_through = self.wish(entry).through(asked.through);
        let steps = drawn_through(&self.ledger, &shown_through).await.unwrap();
        assert_eq!(steps[of.step as usize].as_ref().unwrap().revision(), of.revision);
        let mut result = result(&proposal, 7);
        result.series = vec![shown(&self.wish(entry), steps)];
        let Reserve::New(reservation) = reserve(&self.ledger, id).await.unwrap() else { panic!() };
        let (receipt, _) = self.ledger.complete(reservation, &result).await.unwrap();
        let bundle = Publication {
            manifest: Digest::of(b"release.json"),
            sshsig: String::new(),
            published: "2027-11-15T09:00:00Z".to_owned(),
            ledger_head: Digest::of(b"head"),
        };
        self.ledger.published(&receipt, &bundle, &cast().pat).await.unwrap();
        self.series.published.insert(name);
    }
}

//! A catalogue, a result and a proposal made by hand, for the tests of all writers.

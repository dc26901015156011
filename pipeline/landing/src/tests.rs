//! Tests of the whole room: samples, crashes, races, neighbours.

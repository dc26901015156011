//! What no single module can show: the whole set that is carried, edited file by file.

mod damaged;
mod faults;
mod lookups;
mod outside;

//! A released table in every public form.

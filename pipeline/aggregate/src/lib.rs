//! SQL to an exact, person-bounded table.

//! The definitions compiled into the program: `init` and `demo` write them out, a workspace may extend its copy.

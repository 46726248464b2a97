//! An OCI distribution registry over a folder.

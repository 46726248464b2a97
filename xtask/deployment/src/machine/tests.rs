//! Scripts in, transcripts out.

"""The REST API: one router a subject, answers as bytes that are kept while the data stay the same."""

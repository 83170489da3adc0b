"""What a person sees in a notebook: which cell this is, tables as HTML, and live status panels."""

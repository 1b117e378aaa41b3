"""What the incidents of a period say: how fast people answer and resolve, how many there are, what is noise."""

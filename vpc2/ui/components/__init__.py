"""Components in HTML, CSS and JavaScript, one folder each."""

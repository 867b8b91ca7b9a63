# Takes the parts of a multi-part MIME document apart: `dir/N.head` has a part's type and encoding, `dir/N.body` its text.
# One level, as cloud-init's own tools write it. Read by lib/nocloud.

function value(line) {
	sub(/^[^:]*:[ \t]*/, "", line)
	sub(/[;, \t].*/, "", line)
	return tolower(line)
}

{ sub(/\r$/, "") }

# The document's own head, whose lines may be continued.
!boundary || state == "top" {
	if (state == "") state = "top"
	if (match($0, /boundary="[^"]+"/)) boundary = substr($0, RSTART + 10, RLENGTH - 11)
	else if (match($0, /boundary=[^ ;]+/)) boundary = substr($0, RSTART + 9, RLENGTH - 9)
	if ($0 == "") state = "before"
	next
}

$0 == "--" boundary "--" { exit }

$0 == "--" boundary {
	name = sprintf("%s/%03d", dir, ++count)
	state = "head"
	type = "text/plain"
	encoding = "none"
	next
}

state == "head" {
	if (tolower($0) ~ /^content-type:/) type = value($0)
	if (tolower($0) ~ /^content-transfer-encoding:/) encoding = value($0)
	if ($0 != "") next
	print type, encoding > (name ".head")
	close(name ".head")
	printf "" > (name ".body")
	state = "body"
	next
}

state == "body" { print > (name ".body") }

package render

import (
	"bytes"

	"github.com/rivo/uniseg"
)

// width is how many columns of a terminal the text takes. It must be safe to show, and one line.
func width(text []byte) int {
	if isASCII(text) {
		return len(text)
	}
	return uniseg.StringWidth(string(text))
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

const blanks = "                                                                "

// pad appends n blanks.
func pad(dst []byte, n int) []byte {
	for n > len(blanks) {
		dst = append(dst, blanks...)
		n -= len(blanks)
	}
	if n <= 0 {
		return dst
	}
	return append(dst, blanks[:n]...)
}

// wrap calls line for each of the lines, at most most columns wide, that the text is laid out
// in. It breaks at line feeds, else after blanks, else, in a word that is wider than a line,
// between characters; a character wider than the line gets a line of its own.
func wrap(text []byte, most int, line func([]byte)) {
	for {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			wrapLine(text, most, line)
			return
		}
		wrapLine(text[:end], most, line)
		text = text[end+1:]
	}
}

func wrapLine(text []byte, most int, line func([]byte)) {
	for {
		cut, next := fit(text, most)
		line(text[:cut])
		if next == len(text) {
			return
		}
		text = text[next:]
	}
}

// fit returns where the first line of text ends and where the next one begins.
func fit(text []byte, most int) (cut, next int) {
	if len(text) <= most && isASCII(text) {
		return len(text), len(text)
	}
	used, state := 0, -1
	blank := -1 // where the last blank is that the line can end at
	for rest := text; len(rest) > 0; {
		var cluster []byte
		var w int
		if c := rest[0]; c < 0x80 && (len(rest) == 1 || rest[1] < 0x80) {
			cluster, rest, w, state = rest[:1], rest[1:], 1, -1
		} else {
			cluster, rest, w, state = uniseg.FirstGraphemeCluster(rest, state)
		}
		at := len(text) - len(rest) - len(cluster)
		if cluster[0] == ' ' && len(cluster) == 1 {
			if at > 0 && used <= most {
				blank = at
			}
		}
		if used+w > most && used > 0 {
			if cluster[0] == ' ' {
				blank = at
			}
			if blank > 0 {
				return blank, skipBlanks(text, blank)
			}
			return at, at
		}
		used += w
	}
	return len(text), len(text)
}

func skipBlanks(text []byte, i int) int {
	for i < len(text) && text[i] == ' ' {
		i++
	}
	return i
}

// shorten cuts text to most columns, the last of them … where something was cut.
func shorten(text []byte, most int) []byte {
	if width(text) <= most {
		return text
	}
	used, state := 0, -1
	for rest := text; len(rest) > 0; {
		var cluster []byte
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeCluster(rest, state)
		if used+w > most-1 {
			at := len(text) - len(rest) - len(cluster)
			return append(text[:at:at], "…"...)
		}
		used += w
	}
	return text
}

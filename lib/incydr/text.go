package incydr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// oneLine makes a text of the server or of a setting fit to stand in an error, a log or a
// header: no control characters, no line breaks, no tricks with the direction of writing.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// clip is oneLine, cut to what a reader of an error wants to see of it.
func clip(s string) string {
	const most = 300
	if len(s) > 4*most {
		s = s[:4*most]
	}
	s = oneLine(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

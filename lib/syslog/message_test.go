package syslog

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const aSession = `{"sessionId":"5b1f","tenantId":"t-9","actorId":"a-1","actorName":"ann@example.com","userId":"u-1","type":"STANDARD",` +
	`"beginTime":1763600000000,"endTime":1763600100123,"firstObserved":1763600200000,"lastUpdated":1763600300000,` +
	`"contextSummary":"first = time","exfiltrationSummary":"C:\\tmp | 3 files\nto USB","noRiskEvents":1,"lowEvents":2,"moderateEvents":3,"highEvents":4,"criticalEvents":5,` +
	`"contentInspectionResults":{"detectedOnAlerts":["PII","PCI"]},"riskIndicators":[{"id":"r1","name":"Zip"},{"id":"r2","name":"USB"}],` +
	`"scores":[{"score":9,"severity":4,"sourceTimestamp":2},{"score":3,"severity":1,"sourceTimestamp":1}],` +
	`"states":[{"state":"OPEN","sourceTimestamp":1},{"state":"CLOSED_TP","sourceTimestamp":7}],` +
	`"triggeredAlerts":[{"alertId":"x1","ruleId":"q1","ruleName":"Rule \"A\""},{"alertId":"x2","ruleId":"q2"}]}`

const anEvent = `{"sessionId":"5b1f","@timestamp":"2026-11-20T13:45:00.5Z","event":{"id":"e-1","action":"file-downloaded","inserted":"2026-11-20T13:46:00Z","observer":"Endpoint","vector":"WEB"},` +
	`"user":{"email":"ann@example.com","id":77},"source":{"name":"laptop","ip":"2001:db8::1","category":"Device"},"destination":{"name":"Dropbox","ip":"10.0.0.9","category":"Cloud","tabs":[{"title":"t"},{"url":"https://x.example/?a=b"}],"user":{"email":["b@x","c@x"]}},` +
	`"file":{"name":"a=b.txt","directory":"C:\\x\\","sizeInBytes":12,"mimeType":"text/plain","hash":{"md5":"m","sha256":"s2"},"created":"2026-11-01T00:00:00Z"},` +
	`"process":{"executable":"chrome.exe","owner":"ann"},"risk":{"score":7,"severity":"HIGH","trustReason":"none","indicators":[{"name":"Cloud upload"}]}}`

func encode(t *testing.T, f Format, record string) string {
	t.Helper()
	local := time.Local
	time.Local = time.UTC
	defer func() { time.Local = local }()
	e := &encoder{format: f, now: func() time.Time { return time.UnixMilli(1763700000000) },
		header: Header{Facility: 16, Severity: SeverityOfRecord, AppName: "incydr", Hostname: "host.example"}}
	m, err := e.append(nil, []byte(record))
	if err != nil {
		t.Fatalf("%s of %s: %v", f, record, err)
	}
	return string(m)
}

func TestMessages(t *testing.T) {
	for _, c := range []struct {
		format       Format
		record, want string
	}{
		{Raw, ` {"a":1} `, ` {"a":1} `},
		{Raw, "not JSON", "not JSON"},
		{RFC5424, aSession, `<130>1 2025-11-20T00:55:00.123Z host.example incydr - session [incydr@32473 sessionId="5b1f" severity="CRITICAL" score="9"] ` + aSession},
		{RFC5424, anEvent, `<131>1 2026-11-20T13:45:00.500Z host.example incydr - file-event [incydr@32473 sessionId="5b1f" eventId="e-1" severity="HIGH" score="7"] ` + anEvent},
		{RFC5424, `{}`, `<134>1 2025-11-21T04:40:00.000Z host.example incydr - - - {}`},
		{RFC5424, `{"sessionId":"a\"b]c\\d\n","scores":null,"endTime":"soon"}`, `<134>1 2025-11-21T04:40:00.000Z host.example incydr - session [incydr@32473 sessionId="a\"b\]c\\d"] {"sessionId":"a\"b]c\\d\n","scores":null,"endTime":"soon"}`},
		{RFC5424, `{"sessionId":7,"endTime":99999999999999999,"scores":[{"severity":9}]}`, `<134>1 2025-11-21T04:40:00.000Z host.example incydr - - - {"sessionId":7,"endTime":99999999999999999,"scores":[{"severity":9}]}`},
		{RFC3164, `{"sessionId":"x","beginTime":1762000000000,"scores":[{"score":1,"severity":2}]}`, `<132>Nov  1 12:26:40 host.example incydr: {"sessionId":"x","beginTime":1762000000000,"scores":[{"score":1,"severity":2}]}`},
		{CEF, aSession, `<130>Nov 20 00:55:00 host.example CEF:0|Code42|Incydr|1|session|Incydr session|10|externalId=5b1f rt=1763600200000 start=1763600000000 end=1763600100123 cat=STANDARD suid=a-1 suser=ann@example.com deviceExternalId=t-9 ` +
			`msg=C:\\tmp | 3 files\nto USB reason=first \= time cnt=15 cn1=9 cn1Label=Score cn2=5 cn2Label=CriticalEvents cn3=4 cn3Label=HighEvents cs1=CLOSED_TP cs1Label=State cs2=Zip, USB cs2Label=RiskIndicators ` +
			`cs3=Rule "A", q2 cs3Label=AlertRules cs4=x1, x2 cs4Label=AlertIds cs5=PII, PCI cs5Label=ContentInspection cs6=u-1 cs6Label=UserId deviceCustomDate1=1763600300000 deviceCustomDate1Label=LastUpdated`},
		{CEF, anEvent, `<131>Nov 20 13:45:00 host.example CEF:0|Code42|Incydr|1|file-downloaded|Incydr file event|8|externalId=e-1 rt=1795182360000 start=1795182300500 act=file-downloaded cat=Endpoint suser=ann@example.com suid=77 shost=laptop ` +
			`c6a2=2001:db8::1 c6a2Label=Source IPv6 Address dst=10.0.0.9 duser=b@x, c@x destinationServiceName=Dropbox request=https://x.example/?a\=b sproc=chrome.exe fname=a\=b.txt filePath=C:\\x\\ fsize=12 fileType=text/plain fileHash=s2 ` +
			`fileCreateTime=1793491200000 reason=none cn1=7 cn1Label=Score cs1=WEB cs1Label=Vector cs2=Cloud upload cs2Label=RiskIndicators cs3=Device cs3Label=SourceCategory cs4=Cloud cs4Label=DestinationCategory cs5=ann cs5Label=ProcessOwner cs6=5b1f cs6Label=SessionId`},
		{CEF, `{"a":"b=c\\"}`, `<134>Nov 21 04:40:00 host.example CEF:0|Code42|Incydr|1|record|Incydr record|Unknown|msg={"a":"b\=c\\\\"}`},
		{CEF, `{"event":{"action":"a|b\\c\nd"},"sessionId":null}`, `<134>Nov 21 04:40:00 host.example CEF:0|Code42|Incydr|1|a\|b\\c d|Incydr file event|Unknown|act=a|b\\c\nd`},
	} {
		if got := encode(t, c.format, c.record); got != c.want {
			t.Errorf("%s of %.60s:\n got %s\nwant %s", c.format, c.record, got, c.want)
		}
	}
}

func TestMessagesRefuse(t *testing.T) {
	for _, record := range []string{`[]`, `7`, `"x"`, `{`, `{"a":1} {"b":2}`, `{"a":01}`, ``, `null`} {
		for _, f := range []Format{RFC5424, RFC3164, CEF} {
			if m, err := (&encoder{format: f, now: time.Now}).append(nil, []byte(record)); err == nil {
				t.Errorf("%s of %q is %q", f, record, m)
			}
		}
	}
}

// A CEF value is cut where its limit is, and never in the middle of a character.
func TestCEFLimits(t *testing.T) {
	long := strings.Repeat("ö", 600) // 1200 bytes
	m := encode(t, CEF, `{"sessionId":"s","exfiltrationSummary":"`+long+`"}`)
	_, after, _ := strings.Cut(m, "msg=")
	value, _, _ := strings.Cut(after, " ")
	if len(value) != 1022 || !utf8.ValidString(value) {
		t.Errorf("cut to %d bytes, valid %v", len(value), utf8.ValidString(value))
	}
}

func TestFixedSeverityAndNames(t *testing.T) {
	e := &encoder{format: RFC3164, now: time.Now, header: Header{Facility: 4, Severity: 1, AppName: "a", Hostname: "h"}}
	m, _ := e.append(nil, []byte(aSession))
	if !bytes.HasPrefix(m, []byte("<33>")) {
		t.Errorf("got %.10s", m)
	}
	for name, want := range map[string]int{"local0": 16, "LOCAL7": 23, "kern": 0, "23": 23, "authpriv": 10} {
		if n, err := ParseFacility(name); err != nil || n != want {
			t.Errorf("facility %s: %d, %v", name, n, err)
		}
	}
	for name, want := range map[string]int{"err": 3, "Error": 3, "warn": 4, "warning": 4, "0": 0, "debug": 7, "auto": SeverityOfRecord, "crit": 2} {
		if n, err := ParseSeverity(name); err != nil || n != want {
			t.Errorf("severity %s: %d, %v", name, n, err)
		}
	}
	for _, name := range []string{"24", "-1", "+1", "local8", ""} {
		if n, err := ParseFacility(name); err == nil {
			t.Errorf("facility %q is %d", name, n)
		}
	}
	if _, err := ParseFacility("locl0"); err == nil || !strings.Contains(err.(*Fault).Hint(), "local0") {
		t.Errorf("no nearest facility: %v", err)
	}
	for _, h := range []Header{{AppName: "", Hostname: "h"}, {AppName: "a b", Hostname: "h"}, {AppName: "a", Hostname: "hö"}, {AppName: strings.Repeat("a", 49), Hostname: "h"}} {
		if h.check() == nil {
			t.Errorf("%+v passes", h)
		}
	}
}

func TestFraming(t *testing.T) {
	if got := string(appendOctets([]byte("x"), []byte("größe"))); got != "x7 größe" {
		t.Errorf("got %q", got)
	}
	for _, c := range []struct {
		p    Protocol
		f    Format
		want Framing
	}{{TLSTCP, RFC5424, Octet}, {TLSTCP, Raw, LF}, {TCP, RFC5424, LF}, {TLSTCP, CEF, LF}} {
		if got := DefaultFraming(c.p, c.f); got != c.want {
			t.Errorf("%s %s: %s", c.p, c.f, got)
		}
	}
}

func TestCutBytes(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 2, "ab"}, {"aöb", 2, "a"}, {"aöb", 3, "aö"}, {"€€", 5, "€"}, {"\xff\xff\xff\xff\xff\xff", 5, "\xff\xff\xff\xff\xff"}, {"😀", 3, ""}} {
		if got := string(cutBytes([]byte(c.in), c.n)); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

// Whatever is in a record, the header of its CEF message has seven fields and reads back, and
// so does each value of the extension.
func FuzzCEF(f *testing.F) {
	f.Add("a|b\\c=d\ne\rf", "x=y z=w \\")
	f.Add("\x00\x1f\x7f", "\u2028\xff")
	f.Fuzz(func(t *testing.T, field, value string) {
		line := appendCEFHeader(nil, field)
		x := &extension{dst: append(line, '|'), start: len(line) + 1}
		x.add("msg", value)
		x.add("fname", field)
		if bytes.ContainsAny(x.dst, "\n\r") {
			t.Fatalf("a line end in %q", x.dst)
		}
		if !utf8.Valid(x.dst) {
			t.Fatalf("not UTF-8: %q", x.dst)
		}
		head, ext, ok := splitCEF(string(x.dst))
		if !ok || head != plain(field, true) {
			t.Fatalf("the header field %q reads as %q from %q", field, head, x.dst)
		}
		want := map[string]string{"msg": plain(cut(value, 1023), false), "fname": plain(cut(field, 1023), false)}
		for key, w := range want {
			if ext[key] != w {
				t.Fatalf("%s of %q reads as %q, want %q", key, x.dst, ext[key], w)
			}
		}
	})
}

// plain is what a text is after what CEF cannot carry was taken out.
func plain(s string, header bool) string {
	return strings.Map(func(r rune) rune {
		if (r == '\n' || r == '\r') && !header {
			return r
		}
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// splitCEF is a reader of CEF made for this test: the first header field and the extension.
func splitCEF(s string) (head string, ext map[string]string, ok bool) {
	var b strings.Builder
	i := 0
	for ; i < len(s) && s[i] != '|'; i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	if i == len(s) {
		return "", nil, false
	}
	ext = map[string]string{}
	key, rest := "", s[i+1:]
	var value strings.Builder
	put := func(v string) {
		if key != "" {
			ext[key] = v
		}
	}
	for i = 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\' && i+1 < len(rest):
			i++
			switch rest[i] {
			case 'n':
				value.WriteByte('\n')
			case 'r':
				value.WriteByte('\r')
			default:
				value.WriteByte(rest[i])
			}
		case c == '=': // the word before it is the next key
			v := value.String()
			at := strings.LastIndexByte(v, ' ')
			put(v[:max(at, 0)])
			key = v[at+1:]
			value.Reset()
		default:
			value.WriteByte(c)
		}
	}
	put(value.String())
	return b.String(), ext, true
}

// Whatever is in a record, its structured data reads back as RFC 5424 says.
func FuzzStructuredData(f *testing.F) {
	f.Add(`a"b]c\d`, "x")
	f.Add("\x00\n", "\xff]")
	f.Fuzz(func(t *testing.T, id, event string) {
		e := &encoder{format: RFC5424, header: Header{Hostname: "h", AppName: "a"}}
		header := e.header5424(nil, &facts{session: id, event: event, severity: -1, at: time.Unix(0, 0)})
		_, sd, ok := strings.Cut(string(header), " - - ")
		if !ok {
			t.Fatalf("no structured data in %q", header)
		}
		if id == "" && event == "" {
			if sd != "- " {
				t.Fatalf("got %q", sd)
			}
			return
		}
		rest, ok := strings.CutPrefix(sd, "[incydr@32473")
		if !ok {
			t.Fatalf("got %q", sd)
		}
		for _, p := range []struct{ name, value string }{{"sessionId", id}, {"eventId", event}} {
			if p.value == "" {
				continue
			}
			if rest, ok = strings.CutPrefix(rest, " "+p.name+`="`); !ok {
				t.Fatalf("no %s in %q", p.name, sd)
			}
			var b strings.Builder
			i := 0
			for ; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == ']' {
					t.Fatalf("a bare bracket in %q", sd)
				}
				if rest[i] == '\\' {
					i++
				}
				b.WriteByte(rest[i])
			}
			rest = rest[i+1:]
			want := strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return -1
				}
				return r
			}, p.value)
			if b.String() != want {
				t.Fatalf("%s %q reads as %q", p.name, p.value, b.String())
			}
		}
		if rest != "] " {
			t.Fatalf("%q follows the structured data", rest)
		}
	})
}

func BenchmarkMessages(b *testing.B) {
	record := bytes.TrimSuffix(sessions(1, true), []byte("\n"))
	for _, f := range []Format{Raw, RFC5424, RFC3164, CEF} {
		b.Run(string(f), func(b *testing.B) {
			e := &encoder{format: f, now: time.Now, header: Header{Severity: SeverityOfRecord, AppName: "a", Hostname: "h"}}
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			var m []byte
			for b.Loop() {
				m, _ = e.append(m[:0], record)
			}
		})
	}
}

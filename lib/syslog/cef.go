package syslog

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"sess/lib/jsonl"
)

// What the header of every CEF message says of its sender.
const (
	cefVendor  = "Code42"
	cefProduct = "Incydr"
	cefVersion = "1" // of this mapping, docs/cef.md
)

// cefSeverities are the severities of CEF, 0 to 10, for the five of a session: the middle or end
// of the bands that the standard calls Low, Medium, High and Very-High.
var cefSeverities = []string{"0", "3", "5", "8", "10"}

// appendCEF appends the record as the Common Event Format has it, without a syslog header.
// docs/cef.md is the table of what goes where.
func appendCEF(dst, record []byte, f *facts) []byte {
	fields := map[string][]byte{}
	jsonl.Members(record, func(key string, value []byte) { fields[key] = value })
	class, name := "record", "Incydr record"
	switch f.kind {
	case session:
		class, name = "session", "Incydr session"
	case fileEvent:
		class, name = "file-event", "Incydr file event"
		if action := text(jsonl.Lookup(fields["event"], "action")); action != "" {
			class = action
		}
	}
	severity := "Unknown"
	if f.severity >= 0 {
		severity = cefSeverities[f.severity]
	}
	dst = append(dst, "CEF:0"...)
	for _, field := range []string{cefVendor, cefProduct, cefVersion, class, name, severity} {
		dst = append(dst, '|')
		dst = appendCEFHeader(dst, field)
	}
	dst = append(dst, '|')
	x := &extension{dst: dst, start: len(dst)}
	switch f.kind {
	case session:
		x.session(fields, f)
	case fileEvent:
		x.fileEvent(fields, f)
	default:
		x.add("msg", string(record))
	}
	return x.dst
}

// session maps a session.
func (x *extension) session(fields map[string][]byte, f *facts) {
	x.add("externalId", f.session)
	x.time("rt", fields["firstObserved"])
	x.time("start", fields["beginTime"])
	x.time("end", fields["endTime"])
	x.add("cat", text(fields["type"]))
	x.add("suid", text(fields["actorId"]))
	x.add("suser", text(fields["actorName"]))
	x.add("deviceExternalId", text(fields["tenantId"]))
	x.add("msg", text(fields["exfiltrationSummary"]))
	x.add("reason", text(fields["contextSummary"]))
	count := int64(0)
	for _, key := range []string{"noRiskEvents", "lowEvents", "moderateEvents", "highEvents", "criticalEvents"} {
		n, _ := jsonl.Int(fields[key])
		count += n
	}
	x.add("cnt", strconv.FormatInt(count, 10))
	x.custom("cn1", "Score", f.score)
	x.custom("cn2", "CriticalEvents", number(fields["criticalEvents"]))
	x.custom("cn3", "HighEvents", number(fields["highEvents"]))
	x.custom("cs1", "State", text(jsonl.Lookup(newest(fields["states"]), "state")))
	x.custom("cs2", "RiskIndicators", texts(fields["riskIndicators"], "name"))
	x.custom("cs3", "AlertRules", texts(fields["triggeredAlerts"], "ruleName", "ruleId"))
	x.custom("cs4", "AlertIds", texts(fields["triggeredAlerts"], "alertId"))
	x.custom("cs5", "ContentInspection", texts(jsonl.Lookup(fields["contentInspectionResults"], "detectedOnAlerts")))
	x.custom("cs6", "UserId", text(fields["userId"]))
	if updated := millis(fields["lastUpdated"]); !updated.IsZero() {
		x.custom("deviceCustomDate1", "LastUpdated", strconv.FormatInt(updated.UnixMilli(), 10))
	}
}

// fileEvent maps a file event.
func (x *extension) fileEvent(fields map[string][]byte, f *facts) {
	at := func(top string, keys ...string) []byte { return jsonl.Lookup(fields[top], keys...) }
	x.add("externalId", f.event)
	x.time("rt", at("event", "inserted"))
	x.time("start", fields["@timestamp"])
	x.add("act", text(at("event", "action")))
	x.add("cat", text(at("event", "observer")))
	x.add("suser", text(at("user", "email")))
	x.add("suid", scalar(at("user", "id")))
	x.add("shost", text(at("source", "name")))
	x.address("src", "c6a2", "Source IPv6 Address", text(at("source", "ip")))
	x.add("dhost", text(at("destination", "remoteHostname")))
	x.address("dst", "c6a3", "Destination IPv6 Address", text(at("destination", "ip")))
	x.add("duser", texts(at("destination", "user", "email")))
	x.add("destinationServiceName", text(at("destination", "name")))
	x.add("request", first(at("destination", "tabs"), "url"))
	x.add("sproc", text(at("process", "executable")))
	x.add("fname", text(at("file", "name")))
	x.add("filePath", text(at("file", "directory")))
	x.add("fsize", number(at("file", "sizeInBytes")))
	x.add("fileType", text(at("file", "mimeType")))
	hash := text(at("file", "hash", "sha256"))
	if hash == "" {
		hash = text(at("file", "hash", "md5"))
	}
	x.add("fileHash", hash)
	x.add("fileId", text(at("file", "id")))
	x.time("fileCreateTime", at("file", "created"))
	x.time("fileModificationTime", at("file", "modified"))
	x.add("outcome", text(at("responseControls", "preventativeControl")))
	x.add("reason", text(at("risk", "trustReason")))
	x.custom("cn1", "Score", f.score)
	x.custom("cs1", "Vector", text(at("event", "vector")))
	x.custom("cs2", "RiskIndicators", texts(at("risk", "indicators"), "name", "indicatorName"))
	x.custom("cs3", "SourceCategory", text(at("source", "category")))
	x.custom("cs4", "DestinationCategory", text(at("destination", "category")))
	x.custom("cs5", "ProcessOwner", text(at("process", "owner")))
	x.custom("cs6", "SessionId", f.session)
}

// An extension is the part of a CEF message behind the header: key=value, a space between them.
type extension struct {
	dst   []byte
	start int
}

// cefLimits are the longest values, in bytes, that the dictionary of CEF allows; a longer one is
// cut at a character's boundary.
var cefLimits = map[string]int{
	"externalId": 40, "cat": 1023, "suid": 1023, "suser": 1023, "duser": 1023, "deviceExternalId": 255, "msg": 1023,
	"reason": 1023, "act": 63, "outcome": 63, "shost": 1023, "dhost": 1023, "destinationServiceName": 1023,
	"request": 1023, "sproc": 1023, "fname": 1023, "filePath": 1023, "fileType": 1023, "fileHash": 255, "fileId": 1023,
	"cs1": 4000, "cs2": 4000, "cs3": 4000, "cs4": 4000, "cs5": 4000, "cs6": 4000,
}

// neverCut are the keys whose cut value would name something else.
var neverCut = map[string]bool{"externalId": true, "fileHash": true, "fileId": true}

// add appends a key and its value, and nothing where the value is empty.
func (x *extension) add(key, value string) {
	if value == "" {
		return
	}
	if most, ok := cefLimits[key]; ok && !neverCut[key] {
		value = cut(value, most)
	}
	if len(x.dst) > x.start {
		x.dst = append(x.dst, ' ')
	}
	x.dst = append(x.dst, key...)
	x.dst = append(x.dst, '=')
	x.dst = appendCEFValue(x.dst, value)
}

// custom appends one of the keys that need a label.
func (x *extension) custom(key, label, value string) {
	if value != "" {
		x.add(key, value)
		x.add(key+"Label", label)
	}
}

// time appends a time in milliseconds since the epoch.
func (x *extension) time(key string, raw []byte) {
	if t := stamp(raw); !t.IsZero() {
		x.add(key, strconv.FormatInt(t.UnixMilli(), 10))
	}
}

// address appends an IP address under the key of its family.
func (x *extension) address(v4, v6, label, value string) {
	ip, err := netip.ParseAddr(value)
	switch {
	case err != nil:
	case ip.Is4():
		x.add(v4, value)
	default:
		x.custom(v6, label, value)
	}
}

// texts joins the texts of a list with commas; of objects it takes the first of the keys that has one.
func texts(list []byte, keys ...string) string {
	var all []string
	jsonl.Elements(list, func(e []byte) {
		t := text(e)
		for _, key := range keys {
			if t == "" {
				t = text(jsonl.Lookup(e, key))
			}
		}
		if t != "" {
			all = append(all, t)
		}
	})
	return strings.Join(all, ", ")
}

// first is the text under the key in the first object of a list that has one.
func first(list []byte, key string) (found string) {
	jsonl.Elements(list, func(e []byte) {
		if found == "" {
			found = text(jsonl.Lookup(e, key))
		}
	})
	return found
}

// scalar is the text of a string or a number.
func scalar(raw []byte) string {
	if t := text(raw); t != "" {
		return t
	}
	return number(raw)
}

// cut returns at most n bytes of s and never half a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// appendCEFHeader appends a field of the header: pipe and backslash are escaped, and as a header
// is one line, control characters become spaces.
func appendCEFHeader(dst []byte, field string) []byte {
	for _, r := range field {
		switch {
		case r == '|', r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ', r == 0x7f:
			dst = append(dst, ' ')
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// appendCEFValue appends a value of the extension: equal sign and backslash are escaped, line
// ends are written as \n and \r, other control characters become spaces. Pipes stay.
func appendCEFValue(dst []byte, value string) []byte {
	for _, r := range value {
		switch {
		case r == '=', r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r < ' ', r == 0x7f:
			dst = append(dst, ' ')
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

package sandbox

import (
	"fmt"
	"strings"
	"time"
)

// maxEvents is how many events of a session one answer holds; there is no way to ask for more.
const maxEvents = 100

func eventID(seed uint64, s *session, i int) string {
	return "0_" + idOf(seed, aboutEvents, s.number<<16|uint64(i))
}

var (
	actions   = []string{"file-created", "file-modified", "file-downloaded", "file-shared", "removable-media-created", "file-uploaded", "application-read", "file-emailed", "file-printed"}
	observers = []string{"Endpoint", "GoogleDrive", "OneDrive", "Office365", "Salesforce", "Box"}
	vectors   = []string{"GIT_PUSH", "UPLOAD", "PASTE", "UNKNOWN"}
	fileNames = []string{"Q3 forecast (final).xlsx", "kunden_münchen.csv", "設計図.dwg", "résumé.docx", "main.go", "export, all accounts.csv",
		"notes/old.txt", "Präsentation „neu“.pptx", "backup.tar.gz", "photo 1.HEIC", "id_rsa", "отчёт.pdf"}
	categories = []string{"Spreadsheet", "Document", "SourceCode", "Archive", "Image", "Pdf", "Presentation", "Uncategorized"}
	systems    = []string{"Windows 11", "macOS 26.1", "Ubuntu 24.04"}
	programs   = []string{"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "C:\\Program Files\\Git\\bin\\git.exe", "explorer.exe", "/usr/bin/rsync"}
	severities = []string{"NO_RISK_INDICATED", "LOW", "MODERATE", "HIGH", "CRITICAL"}
	domains    = []string{"drive.google.com", "dropbox.com", "mail.google.com", "github.com", "chat.example.org", "wetransfer.com"}
)

// fileEvents is the answer to a call for the session's events. The caller holds a lock.
func (t *Tenant) fileEvents(s *session) []byte {
	total := 0
	for _, n := range s.events {
		total += n
	}
	w := &builder{escaped: s.traits&escapes != 0}
	w.open('{')
	w.object("queryResult", func() {
		w.name("fileEvents")
		w.open('[')
		given, severity, left := min(total, maxEvents), 4, s.events[4]
		for i := range given {
			for left == 0 {
				severity--
				left = s.events[severity]
			}
			left--
			t.fileEvent(w, s, i, severity)
		}
		w.close(']')
		w.number("totalCount", int64(total))
		if given < total {
			w.text("nextPgToken", eventID(t.options.Seed, s, given))
		} else {
			w.orNull("nextPgToken", "")
		}
		w.name("problems")
		if s.traits&nulls != 0 {
			w.raw("[]")
		} else {
			w.null()
		}
	})
	w.close('}')
	return w.b
}

// fileEvent writes one event in the V2 shape. Which of its objects are filled depends on what
// moved the file.
func (t *Tenant) fileEvent(w *builder, s *session, i, severity int) {
	r := draw(t.options.Seed, aboutEvents, s.number<<16|uint64(i))
	a := t.actors[s.actor]
	at := s.begin + r.Int64N(max(1, s.end-s.begin))
	stamp := func(ms int64) string {
		return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000") + fmt.Sprintf("%03dZ", r.IntN(1000))
	}
	onDisk, byCloud, byGit, byReport := false, false, false, false
	switch r.weighted(40, 40, 10, 10) {
	case 0:
		onDisk = true
	case 1:
		byCloud = true
	case 2:
		byGit = true
	case 3:
		byReport = true
	}
	name := t.spoil(s, 100+uint64(i%100), pick(r, fileNames))
	kind := r.IntN(len(categories))
	domain := pick(r, domains)

	w.open('{')
	w.text("@timestamp", stamp(at))
	w.object("event", func() {
		w.text("id", eventID(t.options.Seed, s, i))
		w.text("inserted", stamp(at+r.within(second, 10*minute)))
		w.text("action", pick(r, actions))
		w.text("observer", pick(r, observers))
		w.orNull("detectorDisplayName", orNone(byCloud, "Corporate Drive – example.com"))
		if byCloud && r.oneIn(2) {
			w.list("shareType", "SharedViaLink", "PublicLinkShare")
		} else {
			w.list("shareType")
		}
		w.text("ingested", stamp(at+r.within(second, 20*minute)))
		w.orNull("vector", orNone(byGit, vectors[0]))
	})
	w.object("user", func() {
		w.text("email", a.email)
		w.text("id", a.user)
		w.text("deviceUid", idOf(t.options.Seed, aboutActor, 2000+uint64(s.actor)))
		w.name("department")
		w.str([]string{"Engineering", "Sales", "Finance", "Forschung & Entwicklung"}[s.actor%4])
		w.list("groups")
	})
	w.object("file", func() { t.file(w, s, r, name, kind, at) })
	w.object("report", func() {
		w.orNull("id", orNone(byReport, "00OB00000042FHdMAM"))
		w.orNull("name", orNone(byReport, "Top accounts, \"EMEA\""))
		w.orNull("description", orNone(byReport, "Top 20 accounts by annual revenue"))
		if byReport {
			w.list("headers", "USERNAME", "ACCOUNT_NAME", "TYPE", "DUE_DATE")
			w.number("count", 1+r.Int64N(5000))
		} else {
			w.list("headers")
			w.orNull("count", "")
		}
		w.orNull("type", orNone(byReport, "REPORT_TYPE_SAVED"))
	})
	w.object("source", func() { t.end(w, r, a, "Endpoint", domain, false) })
	w.object("destination", func() {
		category := "Cloud Storage"
		if onDisk {
			category = "Device"
		}
		t.end(w, r, a, category, domain, onDisk)
		w.orNull("printJobName", "")
		w.orNull("printerName", "")
	})
	w.object("process", func() {
		w.orNull("executable", orNone(!byReport, pick(r, programs)))
		w.orNull("owner", orNone(!byReport, "EXAMPLE\\"+strings.ToLower(a.email)))
		w.object("extension", func() {
			w.orNull("browser", orNone(byCloud, "CHROME"))
			w.orNull("version", orNone(byCloud, "2.4.1"))
			w.orNull("loggedInUser", orNone(byCloud, a.email))
		})
	})
	w.object("risk", func() {
		score := []int64{0, 2, 5, 8, 12}[severity]
		w.number("score", score)
		w.text("severity", severities[severity])
		w.name("indicators")
		w.open('[')
		for _, k := range s.indicators[:min(len(s.indicators), 1+r.IntN(4))] {
			w.open('{')
			w.text("name", indicators[k.kind].name)
			w.text("id", indicators[k.kind].id)
			w.number("weight", int64(indicators[k.kind].weight))
			w.close('}')
		}
		w.close(']')
		trusted := r.oneIn(8)
		w.name("trusted")
		w.bool(trusted)
		w.orNull("trustReason", orNone(trusted, "TRUSTED_DOMAIN_BROWSER_URL"))
		w.object("untrustedValues", func() {
			w.list("accountNames")
			w.list("domains", domain)
			w.list("gitRepositoryUris")
			w.list("slackWorkspaces")
			w.list("urlPaths")
		})
	})
	w.object("git", func() {
		w.orNull("eventId", orNone(byGit, uuid(r.Uint64(), r.Uint64())))
		w.orNull("lastCommitHash", orNone(byGit, fmt.Sprintf("%016x%016x%08x", r.Uint64(), r.Uint64(), r.Uint32())))
		w.orNull("repositoryUri", orNone(byGit, "https://github.com/example/side-project.git"))
		w.orNull("repositoryUser", orNone(byGit, a.name))
		w.orNull("repositoryEmail", orNone(byGit, a.email))
		w.orNull("repositoryEndpointPath", orNone(byGit, "/home/me/side-project"))
	})
	w.object("responseControls", func() {
		asked := r.oneIn(10)
		w.orNull("preventativeControl", orNone(asked, "WARN"))
		w.object("userJustification", func() {
			w.orNull("reason", orNone(asked, "Other"))
			w.orNull("text", orNone(asked, "Proof of value for a client; \"agreed\" with my lead"))
		})
	})
	if s.traits&unknownFields != 0 {
		w.name("sessionRank")
		w.raw("12345678901234567890.125")
	}
	w.close('}')
}

func orNone(yes bool, s string) string {
	if yes {
		return s
	}
	return ""
}

func (t *Tenant) file(w *builder, s *session, r stream, name string, kind int, at int64) {
	hashed := !r.oneIn(12)
	w.text("name", name)
	w.orNull("originalName", orNone(r.oneIn(4), "copy of "+name))
	w.text("directory", "C:\\Users\\user\\Documents\\Projekte/2026/")
	w.orNull("originalDirectory", "")
	w.text("category", categories[kind])
	w.text("mimeType", "application/octet-stream")
	w.text("mimeTypeByBytes", "application/octet-stream")
	w.text("categoryByBytes", categories[kind])
	w.text("mimeTypeByExtension", "text/plain")
	w.text("categoryByExtension", categories[(kind+r.IntN(2))%len(categories)])
	w.number("sizeInBytes", r.Int64N(1<<uint(10+r.IntN(24))))
	w.orNull("owner", orNone(!r.oneIn(3), t.actors[s.actor].email))
	w.text("created", time.UnixMilli(at-r.Int64N(400*day)).UTC().Format(time.RFC3339Nano))
	w.text("modified", time.UnixMilli(at-r.Int64N(day)).UTC().Format(time.RFC3339Nano))
	w.object("hash", func() {
		w.orNull("md5", orNone(hashed, fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())))
		w.orNull("sha256", orNone(hashed, fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())))
		w.orNull("md5Error", orNone(!hashed, "The file was in use."))
		w.orNull("sha256Error", orNone(!hashed, "The file was in use."))
	})
	for _, field := range []string{"id", "url"} {
		w.orNull(field, "")
	}
	w.list("directoryId")
	w.orNull("cloudDriveId", "")
	w.name("classifications")
	w.open('[')
	if r.oneIn(5) {
		w.open('{')
		w.text("value", "Streng vertraulich")
		w.text("vendor", "Microsoft Information Protection")
		w.close('}')
	}
	w.close(']')
	w.name("acquiredFrom")
	w.open('[')
	if r.oneIn(6) {
		w.open('{')
		w.text("eventId", uuid(r.Uint64(), r.Uint64()))
		w.text("sourceName", "LAPTOP-0042")
		w.list("sourceDomains", pick(r, domains))
		w.text("agentTimestamp", time.UnixMilli(at-hour).UTC().Format(time.RFC3339Nano))
		w.close('}')
	}
	w.close(']')
	w.text("changeType", "CREATED")
	w.orNull("archiveId", "")
	w.orNull("parentArchiveId", "")
	w.name("passwordProtected")
	if kind == 3 {
		w.bool(r.oneIn(2))
	} else {
		w.null()
	}
}

// end writes what a source and a destination have in common.
func (t *Tenant) end(w *builder, r stream, a actor, category, domain string, media bool) {
	w.text("category", category)
	w.text("name", t.machine(a))
	w.object("user", func() { w.list("email", a.email) })
	w.text("domain", domain)
	w.text("ip", fmt.Sprintf("203.0.113.%d", r.IntN(256)))
	w.list("privateIp", fmt.Sprintf("10.0.%d.%d", r.IntN(256), r.IntN(256)), "fe80::1")
	w.orNull("operatingSystem", pick(r, systems))
	w.object("email", func() {
		w.orNull("sender", "")
		w.orNull("from", "")
		w.list("recipients")
		w.orNull("subject", "")
	})
	w.object("removableMedia", func() {
		w.orNull("vendor", orNone(media, "SanDisk"))
		w.orNull("mediaName", orNone(media, "Cruzer Blade"))
		w.orNull("serialNumber", orNone(media, fmt.Sprintf("4C5310%014d", r.Int64N(1e14))))
		if media {
			w.number("capacity", 15631122432)
			w.text("busType", "USB 3.0 Bus")
			w.text("name", "JUMPDRIVE")
			w.list("volumeName", "MEINE_DATEIEN (E:)")
			w.list("partitionId", "disk0s2", "disk0s3")
		} else {
			w.orNull("capacity", "")
			w.orNull("busType", "")
			w.orNull("name", "")
			w.list("volumeName")
			w.list("partitionId")
		}
	})
	w.name("tabs")
	w.open('[')
	if !media {
		w.open('{')
		w.text("title", "Meine Ablage – "+domain)
		w.orNull("titleError", "")
		w.text("url", "https://"+domain+"/drive/my-drive?q=a&b=c")
		w.orNull("urlError", "")
		w.close('}')
	}
	w.close(']')
	w.orNull("accountName", orNone(!media, a.email))
	w.orNull("accountType", orNone(!media, "PERSONAL"))
	w.list("domains", domain)
	w.orNull("remoteHostname", "")
}

func (t *Tenant) machine(a actor) string { return "LAPTOP-" + strings.ToUpper(a.user[:6]) }

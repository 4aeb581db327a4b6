package sandbox

import "strconv"

// What the tenant has names for. Ids are readable where a real tenant's are not, because people
// type them at a prompt here.

type named struct{ id, name string }

type indicatorKind struct {
	named
	weight int
}

var rules = []named{
	{"rule-removable-media", "Removable media, any size"},
	{"rule-source-code", "Source code leaves the company"},
	{"rule-cloud-upload", "Upload to personal cloud storage"},
	{"rule-departing", "Departing employees, everything"},
	{"rule-zip-bulk", "Archives over 100 MB"},
	{"rule-public-link", "Public link on a corporate drive"},
	{"rule-customer-lists", "Salesforce reports & customer lists"},
	{"rule-ai-tools", "Text pasted into generative AI"},
	{"rule-airdrop", "AirDrop to unknown devices"},
	{"rule-mass-delete", "Mass deletion"},
	{"rule-off-hours", "Off hours, high value files"},
	{"rule-finance", "Finanzdaten außerhalb der EU"},
}

var indicators = []indicatorKind{
	{named{"removable-media", "Removable media"}, 3},
	{named{"cloud-storage", "Cloud storage upload"}, 3},
	{named{"personal-email", "Personal webmail"}, 4},
	{named{"source-code", "Source code"}, 3},
	{named{"zip", "Archive"}, 1},
	{named{"off-hours", "Off hours"}, 1},
	{named{"rare-destination", "First use of destination"}, 2},
	{named{"file-mismatch", "File extension mismatch"}, 4},
	{named{"departing", "Departing"}, 3},
	{named{"flight-risk", "Flight risk"}, 2},
	{named{"high-impact", "High impact employee"}, 2},
	{named{"public-link", "Public link shared"}, 4},
	{named{"airdrop", "AirDrop"}, 3},
	{named{"spreadsheet", "Spreadsheet"}, 0},
	{named{"document", "Document"}, 0},
	{named{"image", "Image"}, 0},
	{named{"salesforce-report", "Salesforce report download"}, 2},
	{named{"genai-paste", "Paste into generative AI"}, 4},
	{named{"git-push", "Push to an unsanctioned repository"}, 5},
	{named{"customer-data", "Customer data"}, 5},
	{named{"screen-recording", "Screen recording"}, -1},
}

var watchlists = []named{
	{"watchlist-departing", "Departing"},
	{"watchlist-contractor", "Contractor"},
	{"watchlist-new-hire", "New hire"},
	{"watchlist-privileged", "Elevated access"},
	{"watchlist-executive", "Executive"},
}

var people = []string{
	"Ada Lindqvist", "José Núñez", "Zoë Ångström", "李明", "Мария Иванова", "Siobhán O'Brien",
	"Nguyễn Thị Hương", "محمد الفارسي", "Jürgen Weiß", "Chloé Lefèvre", "佐藤 結衣", "Kofi Mensah",
	"Anna-Sofia van der Berg", "Priya Raghunathan", "김지훈", "Łukasz Żółć", "Elif Yıldız", "Tom Becker",
	"Grace Hall", "Νίκος Παππάς", "Renée D'Angelo", "Ivan Petrov", "Omar Haddad", "Beatriz Araújo",
	"נועה לוי", "Sam Carter", "Freya Sørensen", "Björk Guðmundsdóttir", "Wei Zhang", "Camila Rojas",
	"Ravi Kumar", "Mateusz Kowalczyk", "Hanna Virtanen", "สมชาย ใจดี", "Emma Taylor", "Dmytro Shevchenko",
	"Lars Nilsson", "Aisha Bello", "Marco Rossi", "Pat Doe (contractor)",
}

// An actor is a person whose files move.
type actor struct {
	id, name, email, user string
	watchlists            []string
	share                 int // how often this one turns up, against the others
}

func actorsOf(seed uint64) []actor {
	actors := make([]actor, len(people))
	for i, name := range people {
		s := draw(seed, aboutActor, uint64(i))
		a := actor{
			id:    strconv.FormatUint(1_000_000_000_000_000_000+s.Uint64N(200_000_000_000_000_000), 10),
			name:  name,
			email: "user" + strconv.Itoa(i+1) + "@example.com",
			user:  uuid(s.Uint64(), s.Uint64()),
			share: 400/(i+2) + 2,
		}
		for _, w := range watchlists {
			if s.oneIn(6) {
				a.watchlists = append(a.watchlists, w.id)
			}
		}
		actors[i] = a
	}
	return actors
}

var destinations = []string{
	"a USB drive (SanDisk Ultra)", "Dropbox", "a personal Google Drive", "private Gmail", "iCloud", "WeTransfer",
	"an unsanctioned GitHub repository", "Slack (external workspace)", "ChatGPT", "AirDrop to “iPhone von Jürgen”",
	"OneDrive (personal)", "a network printer",
}

var fileKinds = []string{"source code files", "spreadsheets", "zip archives", "PDF documents", "CAD drawings", "images", "Salesforce reports", "presentations", "files"}

var contexts = []string{
	"Departing employee, last day in %d days",
	"Active outside usual working hours for %d minutes",
	"First use of this destination in %d days",
	"%d file extensions did not match their contents",
	"On the Elevated access watchlist for %d days",
	"Volume %d times the usual for this person",
	"Signed in from a new country after %d failed attempts",
	"Files were renamed before they were moved (%d of them)",
}

var noteTexts = []string{
	"Talked to the manager, expected: quarterly report.",
	"Asked the user; waiting for an answer.",
	"Device collected, see ticket INC-%d.",
	"False positive: sanctioned vendor share.",
	"Escalated to legal — do not contact the employee.",
	"Rückfrage beim Betriebsrat läuft.",
	"Second time this month.\nFirst: INC-%d.",
	"Training assigned (lesson %d).",
	"確認済み。問題なし。",
	"User says: \"I only wanted to work from home\".",
}

var findings = []string{"Credit card number", "Social security number", "IBAN", "API key", "Passport number", "Health record"}

var analysts = []string{"ana", "ben", "cho", "dia", "eli"}

func analystID(seed uint64, i int) string { return idOf(seed, aboutActor, 1000+uint64(i)) }

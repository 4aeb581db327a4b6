package render

import (
	"strings"

	"sess/lib/jsonl"
)

// A role is what a field means to the person who looks at it.
type role int

const (
	text       role = iota
	identifier      // never wrapped or cut
	number          // to the right
	moment          // milliseconds since the epoch, or an RFC 3339 text
	states          // histories
	scores
	notes
	indicators // risk indicators with their weights
	alerts
	severity
	state
	prose // may be long in one record though it was short in all others
)

// A schema is what is known of one kind of record.
type schema struct {
	name    string
	fields  []string          // what CSV has by default, in the order of the vendor's CLI, as the API spells it
	below   []string          // further paths, into what fields hold
	table   []string          // what a table has by default
	list    []string          // what columns has by default: what is one word first
	renamed map[string]string // a field by the column it is headed with, where that is not its name
}

var sessions = &schema{
	name: "session",
	fields: strings.Fields(`actorId actorName type beginTime contentInspectionResults.detectedOnAlerts contextSummary
		criticalEvents endTime exfiltrationSummary firstObserved highEvents lastUpdated lowEvents moderateEvents
		noRiskEvents notes riskIndicators scores sessionId states tenantId triggeredAlerts userId`),
	below: strings.Fields(`notes.id notes.content notes.sourceTimestamp notes.userId
		riskIndicators.id riskIndicators.name riskIndicators.weight riskIndicators.eventCount
		scores.score scores.severity scores.sourceTimestamp
		states.state states.stateV2 states.sourceTimestamp states.userId
		triggeredAlerts.alertId triggeredAlerts.ruleId triggeredAlerts.ruleName triggeredAlerts.lessonId
		contentInspectionResults.status contentInspectionResults.eventResults`),
	table: strings.Fields(`sessionId beginTime endTime contextSummary exfiltrationSummary actorId actorName lowEvents
		moderateEvents highEvents states notes`),
	list: strings.Fields(`sessionId beginTime scores states actorId criticalEvents highEvents actorName
		exfiltrationSummary`),
}

var fileEvents = &schema{
	name: "file event",
	fields: strings.Fields(`@timestamp
		destination.accountName destination.accountType destination.category destination.domains
		destination.email.recipients destination.email.subject destination.ip destination.name
		destination.operatingSystem destination.printJobName destination.printerName destination.printedFilesBackupPath
		destination.privateIp destination.removableMedia.busType destination.removableMedia.capacity
		destination.removableMedia.mediaName destination.removableMedia.name destination.removableMedia.partitionId
		destination.removableMedia.serialNumber destination.removableMedia.vendor destination.removableMedia.volumeName
		destination.tabs destination.user.email destination.remoteHostname
		event.action event.id event.ingested event.inserted event.observer event.detectorDisplayName event.relatedEvents
		event.shareType event.vector event.xfcEventId
		file.acquiredFrom file.category file.categoryByBytes file.categoryByExtension file.changeType
		file.classifications file.cloudDriveId file.created file.directory file.originalDirectory file.directoryId
		file.hash.md5 file.hash.md5Error file.hash.sha256 file.hash.sha256Error file.id file.mimeType
		file.mimeTypeByBytes file.mimeTypeByExtension file.modified file.name file.originalName file.owner
		file.sizeInBytes file.url file.archiveId file.parentArchiveId file.passwordProtected
		process.executable process.owner process.extension.browser process.extension.version
		process.extension.loggedInUser
		report.count report.description report.headers report.id report.name report.type
		responseControls.preventativeControl responseControls.userJustification.reason
		responseControls.userJustification.text
		risk.indicators risk.score risk.severity risk.trustReason risk.trusted risk.untrustedValues.accountNames
		risk.untrustedValues.domains risk.untrustedValues.gitRepositoryUris risk.untrustedValues.slackWorkspaces
		risk.untrustedValues.urlPaths
		source.accountName source.accountType source.category source.domain source.domains source.email.from
		source.email.sender source.ip source.name source.operatingSystem source.privateIp source.remoteHostname
		source.removableMedia.busType source.removableMedia.capacity source.removableMedia.mediaName
		source.removableMedia.name source.removableMedia.partitionId source.removableMedia.serialNumber
		source.removableMedia.vendor source.removableMedia.volumeName source.tabs source.user.email
		user.deviceUid user.email user.id
		git.eventId git.lastCommitHash git.repositoryEmail git.repositoryEndpointPath git.repositoryUri
		git.repositoryUser`),
	below: strings.Fields(`risk.indicators.id risk.indicators.name risk.indicators.weight
		destination.tabs.title destination.tabs.titleError destination.tabs.url destination.tabs.urlError
		source.tabs.title source.tabs.titleError source.tabs.url source.tabs.urlError
		file.classifications.value file.classifications.vendor`),
	table: strings.Fields(`@timestamp event.action file.name file.sizeInBytes destination.name destination.category
		user.email risk.severity risk.indicators`),
	list: strings.Fields(`@timestamp risk.severity risk.score event.action user.email file.sizeInBytes destination.category
		file.name`),
	renamed: map[string]string{"timestamp": "@timestamp"},
}

// anything is a record of which nothing is known: a column is what the first records have.
var anything = &schema{name: "record"}

// roles are by a column's path in snake_case; a path's last name will do where the whole has none.
var roles = map[string]role{
	"begin_time": moment, "end_time": moment, "first_observed": moment, "last_updated": moment,
	"source_timestamp": moment, "@timestamp": moment, "timestamp": moment,
	"event.ingested": moment, "event.inserted": moment, "file.created": moment, "file.modified": moment,
	"agent_timestamp": moment,

	"session_id": identifier, "actor_id": identifier, "user_id": identifier, "tenant_id": identifier,
	"alert_id": identifier, "rule_id": identifier, "lesson_id": identifier, "id": identifier,
	"event_id": identifier, "device_uid": identifier, "cloud_drive_id": identifier, "archive_id": identifier,
	"parent_archive_id": identifier, "xfc_event_id": identifier, "md5": identifier, "sha256": identifier,
	"last_commit_hash": identifier,

	"no_risk_events": number, "low_events": number, "moderate_events": number, "high_events": number,
	"critical_events": number, "size_in_bytes": number, "capacity": number, "count": number, "weight": number,
	"event_count": number,

	"context_summary": prose, "exfiltration_summary": prose, "content": prose, "notes.content": prose,
	"report.description": prose, "destination.email.subject": prose,

	"states": states, "scores": scores, "notes": notes, "risk_indicators": indicators,
	"risk.indicators": indicators, "triggered_alerts": alerts,
	"risk.severity": severity, "scores.severity": severity, "states.state": state, "states.state_v2": state,
	"state": state,
}

// roleOf is the role of a column by the names in its path.
func roleOf(names []string) role {
	if len(names) == 0 {
		return text
	}
	if r, ok := roles[strings.Join(names, ".")]; ok {
		return r
	}
	last := names[len(names)-1]
	switch r := roles[last]; r {
	case identifier, moment, number, prose:
		return r
	}
	return text
}

// kindOf tells what kind a record is.
func kindOf(record []byte) *schema {
	has := func(name string) bool { return jsonl.Lookup(record, name) != nil }
	event := jsonl.Lookup(record, "event")
	switch {
	case has("@timestamp"), len(event) > 0 && event[0] == '{' && (has("file") || has("user") || has("risk")):
		return fileEvents
	case has("sessionId") && (has("beginTime") || has("states") || has("scores") || has("triggeredAlerts")),
		has("session_id") && (has("begin_time") || has("states") || has("scores") || has("triggered_alerts")):
		return sessions
	}
	return anything
}

// watched are the objects whose fields CSV spreads over columns: a field of them that has no
// column of its own is a new one.
func (s *schema) watched() []jsonl.Path {
	watched := []jsonl.Path{{}}
	seen := map[string]bool{}
	for _, f := range s.fields {
		for i, c := range f {
			if c == '.' && !seen[f[:i]] {
				seen[f[:i]] = true
				watched = append(watched, mustPath(f[:i]))
			}
		}
	}
	return watched
}

// knows tells whether the schema has the path, its indexes aside.
func (s *schema) knows(p jsonl.Path) bool {
	name := strings.Join(p.Names(), ".")
	if s.renamed[name] != "" {
		return true
	}
	for _, list := range [][]string{s.fields, s.below} {
		for _, f := range list {
			folded := foldPath(f)
			if folded == name || strings.HasPrefix(folded, name+".") {
				return true
			}
		}
	}
	return false
}

func foldPath(p string) string { return mustPath(p).Header() }

// mustPath is for the paths of this file.
func mustPath(text string) jsonl.Path {
	p, err := jsonl.ParsePath(text)
	if err != nil {
		panic(err)
	}
	return p
}

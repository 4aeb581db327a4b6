package metrics

// A Metric is a kind of figure.
type Metric struct {
	name   string
	help   string
	counts bool // it only ever grows, over all runs
	peaks  bool // it is the greatest value of all runs
}

// The figures, in the order of the file. Each has the label tool; what else tells them apart is
// said here.
var (
	Sessions    = counter("sess_sessions_total", "Sessions printed.")
	Rows        = counter("sess_rows_total", "Sessions that were to be changed, by outcome: ok or failed.")
	Delivered   = counter("sess_delivered_total", "Records known to be delivered.")
	Undelivered = gauge("sess_undelivered", "Records that were read and are not known to be delivered, now or when the last run ended.")
	Skipped     = counter("sess_skipped_total", "Records passed over because the receiver does not take records of their size.")
	Requests    = counter("sess_requests_total", "Requests to the tenant, by the status of the answer; none where there was no answer.")
	Retries     = counter("sess_retries_total", "Requests to the tenant that were made again.")
	Paused      = counter("sess_paused_seconds_total", "How long the tenant had all requests wait.")
	Newest      = peak("sess_newest_session_timestamp_seconds", "When the newest session began that was printed.")
	LastSuccess = gauge("sess_last_success_timestamp_seconds", "When all that there was to do was last done: a poll, or a run with exit status 0.")
	Started     = gauge("sess_last_start_timestamp_seconds", "When the last run began.")
	Ended       = gauge("sess_last_end_timestamp_seconds", "When the last run that ended did so.")
	Duration    = gauge("sess_last_run_seconds", "How long the last run took that ended.")
	ExitStatus  = gauge("sess_last_exit_status", "The exit status of the last run that ended.")
)

var catalogue []*Metric

func counter(name, help string) *Metric { return add(&Metric{name: name, help: help, counts: true}) }
func gauge(name, help string) *Metric   { return add(&Metric{name: name, help: help}) }
func peak(name, help string) *Metric    { return add(&Metric{name: name, help: help, peaks: true}) }

func add(m *Metric) *Metric {
	catalogue = append(catalogue, m)
	return m
}

func (m *Metric) kind() string {
	if m.counts {
		return "counter"
	}
	return "gauge"
}

// Package metrics keeps the figures of a run in a file, in Prometheus' text format, for the
// textfile collector of node_exporter to pick up. The file is replaced as a whole, at intervals
// and at the end, so that whoever reads it finds it complete whatever became of the run.
//
// Runs follow each other: what counts goes on from where the last run's file left it, and the
// time of the last success stands until the next one. The package knows the names and meanings of
// the figures, and nothing of what they measure.
package metrics

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Interval is how often the file is written while a run lasts.
const Interval = 15 * time.Second

// Options say where a File is and whose figures it holds.
type Options struct {
	Path   string       // "": there is no file, and all methods do nothing
	Tool   string       // the value of the label tool
	Labels []Label      // beside it, the same on every figure
	Log    *slog.Logger // for a file that cannot be written any more
}

// A Label is a name and a value that tell figures of the same kind apart.
type Label struct{ Name, Value string }

// A File is the figures of one run, and of those before it. Its methods may be called from
// several goroutines.
type File struct {
	o       Options
	common  string // the labels that every figure has, as they are written
	start   time.Time
	collect []func(*Figures)

	mu      sync.Mutex
	before  map[string]float64 // what earlier runs counted, by series
	now     map[string]float64 // gauges of this run
	written bool               // the last attempt went well
	stop    chan struct{}
	stopped chan struct{}
}

// Open reads the file of the last run, where there is one, and writes it anew, so that a file
// that cannot be written is known before anything is done. Its errors are of exit 2.
func Open(o Options) (*File, error) {
	f := &File{o: o, start: time.Now(), before: map[string]float64{}, now: map[string]float64{}}
	if o.Path == "" {
		return f, nil
	}
	if err := checkLabels(o.Labels); err != nil {
		return nil, err
	}
	f.common = labels(append([]Label{{"tool", o.Tool}}, o.Labels...))
	if err := f.read(); err != nil {
		return nil, err
	}
	f.now[f.series(Started)] = seconds(f.start)
	f.written = true
	if err := f.write(); err != nil {
		return nil, usage("the folder has to exist and to be writable", "cannot write the metrics to %s: %w", o.Path, reason(err))
	}
	return f, nil
}

// Collect adds a source of figures: fn is called, on a goroutine of the file's own, each time that
// the file is written, and gives what this run has counted so far.
func (f *File) Collect(fn func(*Figures)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.collect = append(f.collect, fn)
}

// Run writes the file at intervals until End.
func (f *File) Run() {
	if f.o.Path == "" {
		return
	}
	f.stop, f.stopped = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(f.stopped)
		tick := time.NewTicker(Interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f.Write()
			case <-f.stop:
				return
			}
		}
	}()
}

// Success notes that all that there was to do has just been done.
func (f *File) Success() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now[f.series(LastSuccess)] = seconds(time.Now())
}

// End writes the file for the last time. A run with exit status 0 was a success.
func (f *File) End(status int) {
	if f.o.Path == "" {
		return
	}
	if f.stop != nil {
		close(f.stop)
		<-f.stopped
	}
	if status == 0 {
		f.Success()
	}
	f.mu.Lock()
	f.now[f.series(Ended)] = seconds(time.Now())
	f.now[f.series(Duration)] = time.Since(f.start).Seconds()
	f.now[f.series(ExitStatus)] = float64(status)
	f.mu.Unlock()
	f.Write()
}

// Write writes the file now. What goes wrong is logged, once until it goes well again: a run does
// not end because nobody can watch it.
func (f *File) Write() {
	if f.o.Path == "" {
		return
	}
	err := f.write()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && f.written && f.o.Log != nil {
		f.o.Log.Warn("cannot write the metrics", "file", f.o.Path, "err", reason(err))
	}
	f.written = err == nil
}

// Figures take what a run has counted so far.
type Figures struct {
	f      *File
	values map[string]float64
}

// Set gives a figure its value of this run. A counter counts from the run's beginning; what
// earlier runs counted is added to it.
func (s *Figures) Set(m *Metric, value float64, own ...Label) {
	key := s.f.series(m, own...)
	switch before := s.f.before[key]; {
	case m.counts:
		value += before
	case m.peaks:
		value = max(value, before)
	}
	s.values[key] = value
}

// values are all figures there are: those of before, and over them those of this run.
func (f *File) values() map[string]float64 {
	f.mu.Lock()
	collect := slices.Clone(f.collect)
	f.mu.Unlock()
	s := &Figures{f: f, values: map[string]float64{}}
	for _, fn := range collect {
		fn(s)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := maps.Clone(f.before)
	maps.Copy(all, f.now)
	maps.Copy(all, s.values)
	return all
}

// series is a metric with its labels, as the text has it before the value.
func (f *File) series(m *Metric, own ...Label) string {
	text := f.common
	if len(own) > 0 {
		text += "," + labels(own)
	}
	return m.name + "{" + text + "}"
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// escape writes a label's value as the text format wants it.
var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func labels(list []Label) string {
	var b strings.Builder
	for i, l := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(l.Name + `="` + escape.Replace(strings.ToValidUTF8(l.Value, "\ufffd")) + `"`)
	}
	return b.String()
}

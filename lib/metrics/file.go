package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// text is the whole file. (prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4)
func (f *File) text() []byte {
	values := f.values()
	series := slices.Sorted(maps.Keys(values))
	var b bytes.Buffer
	for _, m := range catalogue {
		first := true
		for _, s := range series {
			if !strings.HasPrefix(s, m.name+"{") {
				continue
			}
			if first {
				fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind())
				first = false
			}
			fmt.Fprintf(&b, "%s %s\n", s, strconv.FormatFloat(values[s], 'f', -1, 64))
		}
	}
	return b.Bytes()
}

// write replaces the file: a reader finds the old one or the new one. It is not synced to disk;
// after a power cut the next run writes another. The temporary name does not end as the
// collector wants names to end, so that it leaves it alone.
func (f *File) write() error {
	tmp, err := os.CreateTemp(filepath.Dir(f.o.Path), "."+filepath.Base(f.o.Path)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(f.text())
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), f.o.Path)
}

// header is how every file of ours begins.
const header = "# HELP sess_"

// read takes over what the file of the last run says about the same tool with the same labels.
// A file that is none of ours is not written over.
func (f *File) read() error {
	text, err := os.ReadFile(f.o.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usage("", "cannot read the metrics in %s: %w", f.o.Path, reason(err))
	case len(text) > 0 && !bytes.HasPrefix(text, []byte(header)):
		return usage("--metrics names a file that is written over; take another name", "%s is there and is no file of metrics", f.o.Path)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err == nil && !math.IsNaN(value) && !math.IsInf(value, 0) && f.ours(line[:at]) {
			f.before[line[:at]] = value
		}
	}
	return nil
}

// ownLabel is what may follow the common labels of a series.
var ownLabel = regexp.MustCompile(`^(,(code|outcome)="[a-z0-9]+")?}$`)

// ours tells whether a series is of a metric that we know and has our labels.
func (f *File) ours(series string) bool {
	for _, m := range catalogue {
		rest, ok := strings.CutPrefix(series, m.name+"{"+f.common)
		if ok && ownLabel.MatchString(rest) {
			return true
		}
	}
	return false
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// ParseLabel reads NAME=VALUE.
func ParseLabel(text string) (Label, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return Label{}, usage("write NAME=VALUE, as in tenant=acme", "%q is not a label", text)
	}
	l := Label{name, value}
	return l, checkLabels([]Label{l})
}

func checkLabels(list []Label) error {
	seen := map[string]bool{"tool": true}
	for _, l := range list {
		switch {
		case !labelName.MatchString(l.Name), strings.HasPrefix(l.Name, "__"):
			return usage("a label's name has letters, digits and underscores, and does not begin with a digit or with two underscores", "%q cannot be the name of a label", l.Name)
		case seen[l.Name], l.Name == "code", l.Name == "outcome":
			return usage("", "the label %s is there already", l.Name)
		}
		seen[l.Name] = true
	}
	return nil
}

// A fault is an error of the one who called.
type fault struct {
	err  error
	hint string
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }
func (f *fault) ExitCode() int { return 2 }
func (f *fault) Hint() string  { return f.hint }

func usage(hint, format string, args ...any) error {
	return &fault{fmt.Errorf(format, args...), hint}
}

// reason is the system's own word for an error, without the call and the file it met.
func reason(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

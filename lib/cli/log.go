package cli

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"sess/lib/suggest"
)

type logOptions struct {
	level  string
	file   string
	stderr bool
}

var logLevels = []string{"debug", "info", "warning", "error"}

func (o *logOptions) declare(app *App) {
	app.Flag("log-level", "How much to log: debug, info, warning or error (INCYDR_LOG_LEVEL; warning).").PlaceHolder("LEVEL").HintOptions(logLevels...).StringVar(&o.level)
	app.Flag("log-file", "Append the log to this file (INCYDR_LOG_FILE).").PlaceHolder("FILE").StringVar(&o.file)
	app.Flag("log-stderr", "Log to stderr, beside a log file too (INCYDR_LOG_STDERR).").BoolVar(&o.stderr)
}

// startLog opens the log. It goes to stderr unless a file is named; then to both only where
// --log-stderr asks for it.
func (a *App) startLog() error {
	o := &a.logging
	if o.level == "" {
		o.level = a.Getenv("INCYDR_LOG_LEVEL")
	}
	if o.file == "" {
		o.file = a.Getenv("INCYDR_LOG_FILE")
	}
	for _, name := range []string{"INCYDR_LOG_STDERR", "INCYDR_USE_RICH"} {
		v := a.Getenv(name)
		if _, known := truth(v); !known {
			return Usagef("%s is %q: true or false is needed", name, v)
		}
	}
	mute := false
	if v := a.Getenv("INCYDR_LOG_STDERR"); !o.stderr && v != "" {
		o.stderr = isOn(v)
		mute = !o.stderr
	}
	level, err := logLevel(o.level, o.stderr)
	if err != nil {
		return err
	}
	w := a.Stderr
	if mute {
		w = io.Discard
	}
	if o.file != "" {
		f, err := os.OpenFile(o.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return Usagef("cannot open the log file %s: %w", o.file, reason(err))
		}
		a.AtExit(f)
		if w = io.Writer(f); o.stderr {
			w = io.MultiWriter(f, a.Stderr)
		}
	}
	// Several tools of a pipeline may write to one file, or to one terminal.
	a.Log = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})).With("tool", a.Name)
	return nil
}

func logLevel(name string, asked bool) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "debug", "10":
		return slog.LevelDebug, nil
	case "info", "20":
		return slog.LevelInfo, nil
	case "warning", "warn", "30":
		return slog.LevelWarn, nil
	case "error", "critical", "40", "50":
		return slog.LevelError, nil
	case "":
		if asked {
			return slog.LevelInfo, nil
		}
		return slog.LevelWarn, nil
	}
	err := Usagef("unknown log level %q: the levels are %s", name, strings.Join(logLevels, ", "))
	if near := suggest.Nearest(name, logLevels); near != "" {
		err = WithHint(err, "did you mean "+near+"?")
	}
	return 0, err
}

// truths are the words for on and off.
var truths = map[string]bool{
	"1": true, "true": true, "yes": true, "on": true, "t": true, "y": true,
	"0": false, "false": false, "no": false, "off": false, "f": false, "n": false, "": false,
}

// truth reports whether a setting that is on or off is on, and whether its word is one for either.
func truth(v string) (on, known bool) {
	on, known = truths[strings.ToLower(strings.TrimSpace(v))]
	return on, known
}

// isOn reports whether a setting that is on or off is on.
func isOn(v string) bool { on, _ := truth(v); return on }

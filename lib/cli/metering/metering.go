// Package metering declares the options that have a tool keep the figures of its run in a file,
// and sees to it that the file is written however the run ends. What the figures are it leaves to
// the tool.
package metering

import (
	"sess/lib/cli"
	"sess/lib/metrics"
)

// Options are --metrics and --metrics-label.
type Options struct {
	app    *cli.App
	path   string
	labels []string
}

// Declare adds --metrics and --metrics-label to the tool.
func Declare(app *cli.App) *Options {
	o := &Options{app: app}
	app.Flag("metrics", "Keep the figures of this run, and of those before it, in this file for Prometheus' textfile collector; a file for each tool and tenant.").PlaceHolder("FILE").StringVar(&o.path)
	app.Flag("metrics-label", "Add this label to all of them, as in tenant=acme; may be repeated.").PlaceHolder("NAME=VALUE").StringsVar(&o.labels)
	return o
}

// Open makes the file and has it written at intervals and when the tool ends. Without --metrics
// there is no file, and what is done with the result does nothing.
func (o *Options) Open(labels ...metrics.Label) (*metrics.File, error) {
	if o.path == "" && len(o.labels) > 0 {
		return nil, cli.Usagef("--metrics-label is for --metrics")
	}
	for _, text := range o.labels {
		l, err := metrics.ParseLabel(text)
		if err != nil {
			return nil, cli.Prefix("--metrics-label", err)
		}
		labels = append(labels, l)
	}
	if o.app.Checking() {
		o.path = ""
	}
	f, err := metrics.Open(metrics.Options{Path: o.path, Tool: o.app.Name, Labels: labels, Log: o.app.Log})
	if err != nil {
		return nil, cli.Prefix("--metrics", err)
	}
	if o.path != "" {
		o.app.AtEnd(f.End)
		f.Run()
	}
	return f, nil
}

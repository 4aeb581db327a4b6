package main

import (
	"context"
	"encoding/json"
	"errors"

	"sess/lib/checkpoint"
	"sess/lib/cli"
)

// list prints all of this client's checkpoints, or everybody's.
func (t *tool) list(context.Context) error {
	dirs, err := t.dirs()
	if err != nil {
		return err
	}
	bad := 0
	for _, dir := range dirs {
		names, err := dir.Names()
		if err != nil {
			return err
		}
		for _, name := range names {
			summary, err := dir.Summarize(name)
			var missing *checkpoint.Missing
			if errors.As(err, &missing) {
				continue // deleted meanwhile
			}
			if err != nil {
				bad++
				t.Say("%v", err)
			}
			if err := t.print(summary); err != nil {
				return err
			}
		}
	}
	if bad > 0 {
		return cli.WithHint(cli.Partlyf("%d of the checkpoints cannot be used", bad), "sess-checkpoint show NAME says what to do")
	}
	return nil
}

// dirs is this client's folder, or, where the settings name no client, those of all.
func (t *tool) dirs() ([]checkpoint.Dir, error) {
	dir, err := t.from.Checkpoints()
	if err == nil {
		return []checkpoint.Dir{dir}, nil
	}
	if t.Getenv("INCYDR_URL") != "" {
		return nil, err
	}
	root, err := checkpoint.Root(t.Getenv)
	if err != nil {
		return nil, err
	}
	return checkpoint.Dirs(root)
}

func (t *tool) show(context.Context) error {
	dir, err := t.from.Checkpoints()
	if err != nil {
		return err
	}
	summary, err := dir.Summarize(t.name)
	if summary.Name != "" {
		if err := t.print(summary); err != nil {
			return err
		}
	}
	return err
}

func (t *tool) delete(ctx context.Context) error {
	dir, err := t.from.Checkpoints()
	if err != nil {
		return err
	}
	if err := dir.Delete(ctx, t.name); err != nil {
		return err
	}
	if v, err := dir.Vendor(t.name); v != nil || err != nil {
		t.Say("the vendor's checkpoint of that name is left, and the next search takes it over: %s", dir.VendorPath(t.name))
	}
	return t.print(struct {
		Name    string `json:"name"`
		Client  string `json:"client"`
		Deleted bool   `json:"deleted"`
	}{t.name, dir.Client, true})
}

func (t *tool) print(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return t.Stdout.WriteLine(line)
}

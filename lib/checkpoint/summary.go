package checkpoint

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"time"
)

// A Summary is what there is to say of a checkpoint. Times that are not known are nil.
type Summary struct {
	Name       string          `json:"name"`
	Client     string          `json:"client"`
	Path       string          `json:"path"`
	Query      json.RawMessage `json:"query,omitempty"`
	Recorded   int             `json:"recorded"`    // sessions since it was made
	Kept       int             `json:"kept"`        // of them, those that begin above the floor
	Floor      *time.Time      `json:"floor"`       // sessions that begin before are not looked for any more
	Newest     *time.Time      `json:"newest"`      // begin that is recorded
	LastPoll   *time.Time      `json:"last_poll"`   // that was finished, by the server's clock
	Unfinished *time.Time      `json:"unfinished"`  // poll, which the next one goes on with
	Size       int64           `json:"size"`        // bytes
	LastCommit *time.Time      `json:"last_commit"` // by this machine's clock
	InUseBy    *Holder         `json:"in_use_by"`
	Error      string          `json:"error,omitempty"` // why it cannot be used
}

// Summarize says how a checkpoint stands. Where it is damaged, the summary says what can be
// said all the same, and the error is Load's.
func (d Dir) Summarize(name string) (Summary, error) {
	s := Summary{Name: name, Client: d.Client, Path: d.journal(name)}
	c, err := d.Look(name)
	var missing *Missing
	if errors.As(err, &missing) || c == nil && err == nil {
		return Summary{}, err
	}
	if CheckName(name) != nil {
		return Summary{}, err
	}
	info, statErr := os.Stat(s.Path)
	if statErr == nil {
		s.Size = info.Size()
	}
	if mark, ok := d.readMark(name); ok {
		s.LastCommit = moment(mark.Committed)
	} else if statErr == nil {
		s.LastCommit = moment(info.ModTime().UnixMilli())
	}
	if holder, used := d.InUse(name); used {
		s.InUseBy = &holder
	}
	if err != nil {
		s.Error = err.Error()
		return s, err
	}
	s.Query, s.Recorded, s.Kept = json.RawMessage(c.query), c.Recorded(), c.Len()
	s.Floor, s.Newest = moment(c.state.Floor), moment(c.Newest(math.MaxInt64))
	s.LastPoll, s.Unfinished = moment(c.state.Polled), moment(c.state.Began)
	return s, nil
}

// moment is a time in ms since the epoch, nil where there is none.
func moment(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}

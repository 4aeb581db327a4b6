package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// Beside a journal NAME.jsonl lie the files that are locked: .NAME.run by a search for all of
// its run, .NAME.lock around each access to the journal, .NAME.tail by every stage that commits
// (shared) for all of its life. The system lets go of a lock when its process ends, however it
// ends. A lock takes up the first byte of its file; what the files say begins at the second,
// because Windows lets nobody read a byte that is locked.
const (
	runLock    = ".run"
	appendLock = ".lock"
	tailLock   = ".tail"
)

// now is this machine's time, which is only ever shown to people.
func now() time.Time { return time.Now() }

// A Holder is a process that has a checkpoint in use.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	s := fmt.Sprintf("process %d", h.PID)
	if host, _ := os.Hostname(); h.Host != "" && h.Host != host {
		s += " on " + h.Host
	}
	return s + ", since " + h.Since.UTC().Format("2006-01-02 15:04:05 UTC")
}

// A Run is the right to search with a checkpoint, which one process has at a time.
type Run struct{ lock *flock.Flock }

// Hold takes the checkpoint into use for as long as this process runs, or until End. Where
// another one has it, Hold waits that long and then returns an *InUse.
func (d Dir) Hold(ctx context.Context, name string, wait time.Duration) (*Run, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := d.make(); err != nil {
		return nil, err
	}
	// Somebody who only looks whether the lock is free has it for an instant.
	const instant = 100 * time.Millisecond
	path := d.beside(name, runLock)
	bounded, cancel := context.WithTimeout(ctx, max(wait, instant))
	defer cancel()
	for {
		lock := flock.New(path)
		ok, err := lock.TryLockContext(bounded, 10*time.Millisecond)
		switch {
		case ok && current(lock):
			host, _ := os.Hostname()
			writeNote(path, Holder{PID: os.Getpid(), Host: host, Since: now().UTC().Truncate(time.Second)})
			return &Run{lock}, nil
		case ok:
			lock.Close() // of a checkpoint that was deleted meanwhile
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			return nil, &InUse{Name: name, Holder: d.holder(name)}
		case err != nil:
			return nil, fmt.Errorf("cannot lock the checkpoint %q: %w", name, err)
		}
	}
}

// End lets others use the checkpoint.
func (r *Run) End() error { return r.lock.Close() }

// InUse returns who holds the checkpoint, and false where nobody does.
func (d Dir) InUse(name string) (Holder, bool) {
	if free(d.beside(name, runLock)) {
		return Holder{}, false
	}
	return d.holder(name), true
}

func (d Dir) holder(name string) (h Holder) {
	if text, err := readNote(d.beside(name, runLock)); err == nil {
		json.Unmarshal(text, &h)
	}
	return h
}

// free reports whether nobody holds the lock, without making its file.
func free(path string) bool {
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	ok, err := lock.TryRLock()
	if ok {
		lock.Close()
	}
	return ok || err != nil
}

// lockAppend waits for the journal and returns what lets go of it. Nobody has it for longer
// than it takes to append a batch or to write the file anew.
func (d Dir) lockAppend(name string) (unlock func(), err error) {
	for {
		lock := flock.New(d.beside(name, appendLock))
		if err := lock.Lock(); err != nil {
			return nil, fmt.Errorf("cannot lock the checkpoint %q: %w", name, err)
		}
		if current(lock) {
			return func() { lock.Close() }, nil
		}
		lock.Close()
	}
}

// A Tail is a stage at the end of a pipeline that commits what an earlier one printed.
type Tail struct{ lock *flock.Flock }

// JoinTail says that this process may commit to the checkpoint, until Leave.
func (d Dir) JoinTail(name string) (*Tail, error) {
	if err := d.make(); err != nil {
		return nil, err
	}
	for {
		lock := flock.New(d.beside(name, tailLock))
		if err := lock.RLock(); err != nil {
			return nil, fmt.Errorf("cannot lock the checkpoint %q: %w", name, err)
		}
		if current(lock) {
			return &Tail{lock}, nil
		}
		lock.Close()
	}
}

// Leave ends what JoinTail began.
func (t *Tail) Leave() error { return t.lock.Close() }

// aTail stands for a stage that commits; there may be several, so they leave no name.
type aTail struct{}

func (aTail) String() string { return "a sess-checkpoint commit that is at work" }

// HasTail reports whether a stage that commits is alive.
func (d Dir) HasTail(name string) bool {
	lock := flock.New(d.beside(name, tailLock), flock.SetFlag(os.O_RDONLY))
	ok, err := lock.TryLock()
	if ok {
		lock.Close()
	}
	return !ok && err == nil
}

// current reports whether the file that was locked is still the one at its path.
func current(lock *flock.Flock) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(locked, there)
}

// readNote returns what a lock's file says.
func readNote(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.NewSectionReader(f, 1, 4096))
}

// writeNote makes a lock's file say v. It is for people and for a second look at the journal;
// a disk too full for it is no reason to stop.
func writeNote(path string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	// One write, padded over what stood there before: a process killed here leaves no mixture.
	for len(text) < 160 {
		text = append(text, ' ')
	}
	if _, err := f.WriteAt(append(text, '\n'), 1); err != nil {
		f.Truncate(1)
	}
}

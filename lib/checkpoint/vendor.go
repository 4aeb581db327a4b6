package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
)

// A Vendor is a checkpoint of the vendor's own CLI: a file NAME with the greatest end time it
// has printed, and a file NAME_sessions with the ids of what it printed last.
type Vendor struct {
	Path    string // of the file with the time
	Newest  int64  // ms since the epoch
	IDs     []string
	Problem error // why the ids could not be read, or nil
}

// Vendor returns the vendor's checkpoint of that name, and nil where there is none. It is
// left as it is.
func (d Dir) Vendor(name string) (*Vendor, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	v := &Vendor{Path: d.VendorPath(name)}
	text, err := readSmall(v.Path, 4<<10)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errFolder) || err == nil && len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	if err == nil {
		v.Newest, err = parseMillis(text)
	}
	if err != nil {
		return nil, &vendorError{name: name, path: v.Path, err: err}
	}
	list, err := readSmall(v.Path+"_sessions", 256<<20)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		v.Problem = err
	default:
		v.IDs, v.Problem = parseIDs(list)
	}
	return v, nil
}

// VendorPath is where the vendor's CLI keeps the checkpoint of that name.
func (d Dir) VendorPath(name string) string { return filepath.Join(d.Path, name) }

// Sessions are the vendor's ids as sessions whose begin is not known; it lies before the end
// that the vendor recorded.
func (v *Vendor) Sessions() []Session {
	sessions := make([]Session, len(v.IDs))
	for i, id := range v.IDs {
		sessions[i] = Session{ID: id, Begin: v.Newest}
	}
	return sessions
}

var errFolder = errors.New("it is a folder")

func readSmall(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errFolder
	}
	if info.Size() > most {
		return nil, fmt.Errorf("it is %d bytes long", info.Size())
	}
	return os.ReadFile(path)
}

// parseMillis reads a time in milliseconds, with or without a fraction. What is too small to
// be one is taken for seconds.
func parseMillis(text []byte) (int64, error) {
	n, err := strconv.ParseFloat(string(bytes.TrimSpace(text)), 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > 253402300800000 {
		return 0, errors.New("it is not a time in milliseconds")
	}
	if n < 1e11 {
		n *= 1000
	}
	return int64(n), nil
}

func parseIDs(text []byte) ([]string, error) {
	var list []any
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, errors.New("it is not a JSON list")
	}
	ids := make([]string, 0, len(list))
	for _, item := range list {
		id, ok := item.(string)
		if !ok {
			return nil, errors.New("it is not a list of session ids")
		}
		if id != "" {
			ids = append(ids, ValidID(id))
		}
	}
	return ids, nil
}

type vendorError struct {
	name, path string
	err        error
}

func (e *vendorError) Error() string {
	return fmt.Sprintf("cannot take over the vendor's checkpoint %s: %v", e.path, e.err)
}
func (e *vendorError) Unwrap() error { return e.err }
func (e *vendorError) ExitCode() int { return exitCheckpoint }
func (e *vendorError) Hint() string {
	return fmt.Sprintf("to begin without it, move it away, or use a name other than %s", shellWord(e.name))
}

//go:build !linux

package cli

import "os"

// Which programs read a pipe is asked on Linux only.
func shownDownstream(*os.File) bool { return false }

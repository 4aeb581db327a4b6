//go:build !windows

package cli

import "syscall"

var errNoReader error = syscall.EPIPE

package cli

import "syscall"

// errNoReader is ERROR_NO_DATA, Windows' answer to a write into a pipe that is being closed.
var errNoReader error = syscall.Errno(232)

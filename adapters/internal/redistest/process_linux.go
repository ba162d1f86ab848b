package redistest

import "syscall"

// endWithParent makes the server end with a test binary that is killed before its clean-up.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

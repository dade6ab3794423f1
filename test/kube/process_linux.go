package kube

import "syscall"

// ownGroup keeps a ^C at the terminal from the child, so that we stop it in order,
// and has the kernel end it when we die without a word.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

//go:build !linux

package dataplane

import "net"

// acknowledged is always false where the kernel does not tell.
func acknowledged(net.Conn) bool { return false }

package dataplane

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acknowledged tells whether the host at the other end has acknowledged every byte that was written (SIOCOUTQ, tcp(7)).
func acknowledged(conn net.Conn) bool {
	if inner, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = inner.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	left := -1
	err = raw.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			left = n
		}
	})
	return err == nil && left == 0
}

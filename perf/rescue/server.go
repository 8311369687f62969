package main

import (
	"bufio"
	"errors"
	"net"
	"time"
)

// request is what the client sends; it ends with a line's end.
const request = "who?\n"

// serve is a real's program: it answers each request by its name at once, and closes.
func serve(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: rescue server ADDRESS NAME")
	}
	listener, err := net.Listen("tcp4", args[0])
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answer(conn, args[1])
	}
}

func answer(conn net.Conn, name string) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		return // a health check, mostly
	}
	_, _ = conn.Write([]byte(name + "\n"))
}

// net/http: as it is, with a Dialer's KeepAlive, or without keepalive.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	client := http.DefaultClient
	if way := os.Args[1]; way != "default" {
		seconds, err := strconv.Atoi(os.Args[3])
		check(err)
		dialer := &net.Dialer{KeepAlive: time.Duration(seconds) * time.Second}
		if way == "off" {
			dialer.KeepAlive = -1
		}
		client = &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	}
	response, err := client.Get(os.Args[2])
	check(err)
	body, err := io.ReadAll(response.Body)
	check(err)
	fmt.Print(string(body))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

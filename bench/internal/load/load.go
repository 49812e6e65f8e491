// Package load sends one request over and over to a server on loopback, on a
// fixed number of connections, for a fixed time.
//
// Each connection sends the next request when it has read the answer to the last (a
// closed loop), so a slow server is asked less often; that is why throughput and latency are told together.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weft-go/weft/bench/contest"
)

// Result is what was seen in the time.
type Result struct {
	// PerSecond is how many answers came in a second.
	PerSecond float64
	// Latencies are from before the request was written until the answer was read, in
	// microseconds, sorted.
	Latencies []float64
}

// Run sends the request on each connection until the time is over. Every answer must have the
// status, and all those of one connection the same length as its first.
func Run(ctx context.Context, address string, r contest.Request, status, connections int, length time.Duration) (Result, error) {
	wire, err := Wire(address, r)
	if err != nil {
		return Result{}, err
	}
	clients := make([]*client, connections)
	for i := range clients {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return Result{}, err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(length + 10*time.Second))
		clients[i] = &client{conn: conn, reader: bufio.NewReaderSize(conn, 64<<10), latencies: make([]float64, 0, 1<<14)}
	}
	var all sync.WaitGroup
	failed := make(chan error, connections)
	begun := time.Now()
	for _, c := range clients {
		all.Go(func() {
			if err := c.send(wire, status, begun.Add(length)); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	close(failed)
	if err := <-failed; err != nil {
		return Result{}, err
	}
	var result Result
	for _, c := range clients {
		result.Latencies = append(result.Latencies, c.latencies...)
	}
	result.PerSecond = float64(len(result.Latencies)) / took.Seconds()
	slices.Sort(result.Latencies)
	return result, nil
}

// Wire is the request as bytes, which net/http writes once.
func Wire(address string, r contest.Request) ([]byte, error) {
	req, err := http.NewRequest(r.Method, "http://"+address+r.Target, strings.NewReader(r.Body)) //nolint:noctx // it is not sent
	if err != nil {
		return nil, err
	}
	if r.Body == "" {
		req.Body = nil
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, field := range r.Header {
		req.Header.Set(field[0], field[1])
	}
	var wire bytes.Buffer
	err = req.Write(&wire)
	return wire.Bytes(), err
}

type client struct {
	conn      net.Conn
	reader    *bufio.Reader
	latencies []float64
}

func (c *client) send(wire []byte, status int, until time.Time) error {
	length := -1
	for {
		begun := time.Now()
		if begun.After(until) {
			return nil
		}
		if _, err := c.conn.Write(wire); err != nil {
			return err
		}
		got, n, err := readAnswer(c.reader)
		if err != nil {
			return err
		}
		if got != status {
			return fmt.Errorf("the status is %d, not %d", got, status)
		}
		if length >= 0 && n != length {
			return fmt.Errorf("an answer of %d bytes came after one of %d", n, length)
		}
		length = n
		c.latencies = append(c.latencies, float64(time.Since(begun).Nanoseconds())/1000)
	}
}

// readAnswer reads one answer, without keeping it, and returns its status and the
// length of its body. It reads what servers of contenders send: HTTP/1.1 with Content-Length or chunked.
func readAnswer(r *bufio.Reader) (status, length int, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) || len(line) < len("HTTP/1.1 200") {
		return 0, 0, fmt.Errorf("no answer begins with %.40q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	length = -1
	chunked := false
	for {
		if line, err = r.ReadSlice('\n'); err != nil {
			return 0, 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked"))
		}
	}
	if chunked {
		length, err = discardChunks(r)
		return status, length, err
	}
	if length < 0 {
		return 0, 0, errors.New("the answer does not say how long it is")
	}
	_, err = r.Discard(length)
	return status, length, err
}

func discardChunks(r *bufio.Reader) (length int, err error) {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		size, err := strconv.ParseUint(string(bytes.TrimRight(line, "\r\n")), 16, 31)
		if err != nil {
			return 0, err
		}
		if _, err := r.Discard(int(size) + len("\r\n")); err != nil { // the last one is followed by an empty line, as no trailers are sent
			return 0, err
		}
		if size == 0 {
			return length, nil
		}
		length += int(size)
	}
}

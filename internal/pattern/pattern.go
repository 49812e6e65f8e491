// Package pattern joins group prefixes and route patterns into patterns of
// [net/http.ServeMux], and finds the group a path belongs to when no route matched.
package pattern

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/weft-go/weft/internal/httpfield"
)

// Pattern is a route's pattern, "[METHOD ][HOST][/PATH]", taken apart.
type Pattern struct {
	Method string // "" is every method
	Host   string // "" is every host
	Path   string // "" is the group's prefix itself; otherwise it starts with "/"
}

// Parse takes a pattern apart. Whether ServeMux accepts its path is ServeMux's to say.
func Parse(s string) (Pattern, error) {
	var p Pattern
	rest := s
	if method, after, found := strings.Cut(s, " "); found {
		p.Method, rest = method, strings.TrimLeft(after, " \t")
		if method == "" {
			return p, errors.New("a pattern does not begin with a space")
		}
	} else if !strings.Contains(s, "/") {
		p.Method, rest = s, "" // "GET" alone: the group's prefix
	}
	if p.Method != "" && !httpfield.ValidName(p.Method) {
		return p, fmt.Errorf("%q is not a method", p.Method)
	}
	if strings.ContainsAny(rest, " \t") {
		return p, errors.New("a pattern has at most one space, between method and path")
	}
	p.Host, p.Path = splitHost(rest)
	if upper := strings.ToUpper(p.Method); upper != p.Method && slices.Contains(methods, upper) {
		return p, fmt.Errorf("%q is not a method of HTTP, whose names are told apart by case: write %q", p.Method, upper)
	}
	if slices.Contains(methods, p.Host) {
		return p, fmt.Errorf("a method is followed by a space: write %q", p.Host+" "+p.Path)
	}
	if p.Host != "" && p.Path == "" {
		return p, fmt.Errorf("%q has no path: a host is followed by one", p.Host)
	}
	return p, nil
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace}

func splitHost(s string) (host, path string) {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// Prefix is what a group puts in front of its routes. The zero Prefix puts nothing.
type Prefix struct {
	Host     string
	Path     string // "" or "/a/{b}", without a slash at the end
	segments []segment
}

type segment struct {
	literal  string // unescaped
	wildcard bool
}

// ParsePrefix reads a group's prefix: "", or "[HOST]/PATH" whose path has no
// slash at the end, no method, no "{$}" and no "{name...}".
func ParsePrefix(s string) (Prefix, error) {
	if s == "" {
		return Prefix{}, nil
	}
	if strings.ContainsAny(s, " \t") {
		return Prefix{}, errors.New("a group's prefix has no method and no space; methods belong to the routes")
	}
	p := Prefix{}
	p.Host, p.Path = splitHost(s)
	if slices.Contains(methods, p.Host) {
		return p, errors.New("a group's prefix has no method; methods belong to the routes")
	}
	if p.Path == "" {
		return p, errors.New(`a group's prefix starts with "/", after a host if it has one`)
	}
	if p.Path == "/" && p.Host != "" { // every path of a host
		p.Path = ""
		return p, nil
	}
	if strings.HasSuffix(p.Path, "/") {
		return p, errors.New(`a group's prefix does not end in "/"; write "" for a group without a prefix`)
	}
	for part := range strings.SplitSeq(p.Path[1:], "/") {
		seg, err := parseSegment(part)
		if err != nil {
			return p, err
		}
		p.segments = append(p.segments, seg)
	}
	return p, nil
}

var wildcardName = regexp.MustCompile(`^\{[\pL_][\pL_\p{Nd}]*\}$`)

func parseSegment(part string) (segment, error) {
	switch {
	case part == "" || part == "." || part == "..":
		return segment{}, fmt.Errorf("a group's prefix has no %q segment", part)
	case part == "{$}" || strings.HasSuffix(part, "...}"):
		return segment{}, fmt.Errorf("%q stands at the end of a route's pattern, not in a group's prefix", part)
	case strings.ContainsAny(part, "{}"):
		if !wildcardName.MatchString(part) {
			return segment{}, fmt.Errorf("%q is no wildcard: write {name} for a whole segment", part)
		}
		return segment{wildcard: true}, nil
	}
	literal, err := url.PathUnescape(part)
	if err != nil {
		return segment{}, fmt.Errorf("the prefix segment %q is not a valid path segment", part)
	}
	return segment{literal: literal}, nil
}

// String is the prefix as ParsePrefix reads it.
func (p Prefix) String() string {
	if p.Host != "" && p.Path == "" {
		return p.Host + "/"
	}
	return p.Host + p.Path
}

// Within is the prefix of a group nested in the group of prefix p.
func (p Prefix) Within(outer Prefix) (Prefix, error) {
	if p.Host != "" && outer.Host != "" {
		return p, fmt.Errorf("the host %q stands inside a group that has the host %q", p.Host, outer.Host)
	}
	joined := Prefix{Host: p.Host + outer.Host, Path: outer.Path + p.Path}
	joined.segments = append(append(joined.segments, outer.segments...), p.segments...)
	return joined, duplicateWildcard(joined.Path)
}

// Join puts the prefix in front of a route's pattern. The method stays in
// front, a host may come from either side but not from both, and the paths are
// appended as they stand: "/api" and "/" give the subtree "/api/", "/api" and
// "/{$}" give exactly "/api/", and "/api" and "" give exactly "/api".
func (p Prefix) Join(route Pattern) (Pattern, error) {
	if p.Host != "" && route.Host != "" {
		return route, fmt.Errorf("the host %q stands inside a group that has the host %q", route.Host, p.Host)
	}
	joined := Pattern{Method: route.Method, Host: p.Host + route.Host, Path: p.Path + route.Path}
	if joined.Path == "" {
		return joined, errors.New(`the pattern has no path; write "/" for every path or "/{$}" for exactly "/"`)
	}
	return joined, duplicateWildcard(joined.Path)
}

// String is the pattern as ServeMux reads it.
func (p Pattern) String() string {
	if p.Method == "" {
		return p.Host + p.Path
	}
	return p.Method + " " + p.Host + p.Path
}

// Wildcards lists the names of the path's wildcards in order.
func (p Pattern) Wildcards() []string {
	var names []string
	for part := range strings.SplitSeq(p.Path, "/") {
		if strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}") && part != "{$}" {
			names = append(names, strings.TrimSuffix(part[1:len(part)-1], "..."))
		}
	}
	return names
}

func duplicateWildcard(path string) error {
	seen := map[string]bool{}
	for _, name := range (Pattern{Path: path}).Wildcards() {
		if seen[name] {
			return fmt.Errorf("the wildcard {%s} stands twice in %q", name, path)
		}
		seen[name] = true
	}
	return nil
}

// Contains reports whether a request for host (as ServeMux compares it,
// without port) and escaped path lies under the prefix. As ServeMux does, it compares
// segments after unescaping each, so "/a%2Fb" is one segment.
func (p Prefix) Contains(host, escapedPath string) bool {
	if p.Host != "" && p.Host != host {
		return false
	}
	rest := strings.TrimPrefix(escapedPath, "/")
	for i, seg := range p.segments {
		part, after, more := strings.Cut(rest, "/")
		if !seg.matches(part) {
			return false
		}
		if !more && i < len(p.segments)-1 {
			return false
		}
		rest = after
	}
	return true
}

func (s segment) matches(part string) bool {
	if s.wildcard {
		return part != ""
	}
	literal, err := url.PathUnescape(part)
	return err == nil && literal == s.literal
}

// Deeper reports whether p is the closer of two prefixes that contain the same
// path: the one with a host, then the longer one, then the one with a literal where
// the other has a wildcard.
func (p Prefix) Deeper(q Prefix) bool {
	if (p.Host != "") != (q.Host != "") {
		return p.Host != ""
	}
	if len(p.segments) != len(q.segments) {
		return len(p.segments) > len(q.segments)
	}
	for i := range p.segments {
		if p.segments[i].wildcard != q.segments[i].wildcard {
			return q.segments[i].wildcard
		}
	}
	return false
}

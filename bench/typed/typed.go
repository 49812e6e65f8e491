// Package typed measures a typed POST and a typed GET on weft beside the same
// work written by hand for net/http: as it is usually written, and as well as it can be.
package typed

import (
	"errors"
	"fmt"

	"github.com/weft-go/weft/bench/contenders"
	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// Post is the POST that all answer with a receipt.
func Post() *sidebyside.Call { return call(contest.GoodOrder()) }

// Get is the GET that all answer with a page.
func Get() *sidebyside.Call { return call(contest.GoodPage()) }

func call(r contest.Request) *sidebyside.Call {
	c := sidebyside.NewCall(r.Method, r.Target, r.Body)
	for _, h := range r.Header {
		c.WithHeader(h[0], h[1])
	}
	return c
}

// slugs are those of the services: the best by hand first, weft last.
var slugs = []string{contenders.Baseline, "usual", "weft"}

// Contenders are the services: the best by hand first, weft last.
func Contenders() []sidebyside.Contender {
	var all []sidebyside.Contender
	for _, slug := range slugs {
		c, _ := contenders.Named(slug)
		if h, ok := contest.Handler(c.Shop()); ok {
			all = append(all, sidebyside.Contender{Name: c.Name, Handler: h})
		}
	}
	return all
}

// Compare says in its error where the services differ: in their answers, or, of the
// best by hand and weft, in what they refuse. The usual way is less strict.
func Compare() error {
	services := Contenders()
	err := errors.Join(sidebyside.Same(Post(), services), sidebyside.Same(Get(), services))
	strict := []sidebyside.Contender{services[0], services[2]}
	for _, p := range contest.Probes() {
		if wrong := sidebyside.SameStatus(call(p.Request), p.Status, strict); wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", p.Title, wrong))
		}
	}
	return err
}

package weft

import "context"

// HTTP is a handler with its stages as an [http.Handler] for a router of another kind: [http.ServeMux], chi. It
// is the Server of an App that has this one route and routes nothing. Path values are those of [http.Request.PathValue], which that router has set: ServeMux
// does, and chi from v5.1 on. Their names are not compared with its patterns: one that it does not set is missing.
//
// opts are those of [New]; the route's pattern is the Handler's name. Mistakes are those of [App.Build]. Services of a [Container] are closed by [Server.Shutdown].
func HTTP(h Endpoint, opts ...Option) (*Server, error) {
	app := New(opts...)
	app.alone = true
	app.root.handle("HTTP", "/", h)
	return app.Build(context.Background())
}

// alone is the way to the only route of an App that routes nothing.
func (srv *Server) alone(route *Route) Next {
	return func(r *Request) Response { return r.state.enter(route, r) }
}

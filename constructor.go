package weft

import (
	"fmt"
	"reflect"

	"github.com/samber/do/v2"

	"github.com/weft-go/weft/internal/graph"
)

// Constructor is a function that makes a service, called without reflection.
// [Fn0] to [Fn8] make one of a func(deps...) T, [FnErr0] to [FnErr8] of a func(deps...) (T, error).
type Constructor struct{ made *constructor }

// arguments are where a constructor finds what it takes: in the request's
// slots, or among what there is one of for the application.
type arguments struct{ slots, fixed []any }

// argument is the i-th of them; from holds the places, of fixed ones their complement.
func argument[A any](from arguments, place int) A {
	var held any
	if place >= 0 {
		held = from.slots[place]
	} else {
		held = from.fixed[^place]
	}
	value, _ := held.(A) // the nil of an interface type is none
	return value
}

func typesTaken(types ...reflect.Type) []graph.Key {
	keys := make([]graph.Key, len(types))
	for i, t := range types {
		keys[i] = graph.Key{Type: t}
	}
	return keys
}

func constructing[T any](takes []graph.Key, run func(arguments, []int) (T, error)) Constructor {
	return Constructor{&constructor{takes: takes, out: reflect.TypeFor[T](), run: func(from arguments, in []int) (any, error) { return run(from, in) }}}
}

// Fields is a Constructor of a T, a struct or a pointer to one, whose fields with the
// tag do:"", or do:"name" of a service with that name, are services; the others stay as they are. It uses reflection.
func Fields[T any]() Constructor {
	t := reflect.TypeFor[T]()
	made := &constructor{out: t}
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		made.problem = fmt.Sprintf("is Fields of a %v, which is no struct", made.out)
		return Constructor{made}
	}
	var fields [][]int
	for _, f := range reflect.VisibleFields(t) {
		name, tagged := f.Tag.Lookup("do")
		switch {
		case !tagged:
		case !f.IsExported():
			made.problem = fmt.Sprintf("is Fields of a %v, whose field %s has the tag do and is not exported", made.out, f.Name)
		default:
			fields = append(fields, f.Index)
			made.takes = append(made.takes, graph.Key{Type: f.Type, Name: name})
		}
	}
	made.run = func(from arguments, in []int) (any, error) {
		v := reflect.New(t)
		for i, place := range in {
			field := v.Elem().FieldByIndex(fields[i])
			field.Set(valueOf(argument[any](from, place), field.Type()))
		}
		if !pointer {
			return v.Elem().Interface(), nil
		}
		return v.Interface(), nil
	}
	return Constructor{made}
}

// FromDo is a Constructor of a provider of samber/do that needs what is made per request, and so is itself. What it
// takes from its injector of that is named by [Takes], so that the plan knows; what is the application's need not be.
func FromDo[T any](provider do.Provider[T], takes ...Taken) Constructor {
	made := &constructor{out: reflect.TypeFor[T](), takes: []graph.Key{requestKey}}
	for _, k := range takes {
		made.takes = append(made.takes, k.key)
	}
	if provider == nil {
		made.problem = "is FromDo of nil"
	}
	made.run = func(from arguments, in []int) (any, error) {
		return provider(argument[*Request](from, in[0]).Scope())
	}
	return Constructor{made}
}

// Taken is a service that a provider takes by itself; see [FromDo].
type Taken struct{ key graph.Key }

// Takes names a service that a provider takes from its injector.
func Takes[T any]() Taken { return Taken{*keyOf[T]()} }

// Fn0 is a Constructor of fn.
func Fn0[T any](fn func() T) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(), func(from arguments, in []int) (T, error) {
		return fn(), nil
	})
}

// FnErr0 is a Constructor of fn.
func FnErr0[T any](fn func() (T, error)) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(), func(from arguments, in []int) (T, error) {
		return fn()
	})
}

// Fn1 is a Constructor of fn.
func Fn1[A, T any](fn func(A) T) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0])), nil
	})
}

// FnErr1 is a Constructor of fn.
func FnErr1[A, T any](fn func(A) (T, error)) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]))
	})
}

// Fn2 is a Constructor of fn.
func Fn2[A, B, T any](fn func(A, B) T) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1])), nil
	})
}

// FnErr2 is a Constructor of fn.
func FnErr2[A, B, T any](fn func(A, B) (T, error)) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]))
	})
}

// Fn3 is a Constructor of fn.
func Fn3[A, B, C, T any](fn func(A, B, C) T) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2])), nil
	})
}

// FnErr3 is a Constructor of fn.
func FnErr3[A, B, C, T any](fn func(A, B, C) (T, error)) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]))
	})
}

// Fn4 is a Constructor of fn.
func Fn4[A, B, C, D, T any](fn func(A, B, C, D) T) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3])), nil
	})
}

// FnErr4 is a Constructor of fn.
func FnErr4[A, B, C, D, T any](fn func(A, B, C, D) (T, error)) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3]))
	})
}

// Fn5 is a Constructor of fn.
func Fn5[A, B, C, D, E, T any](fn func(A, B, C, D, E) T) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3]), argument[E](from, in[4])), nil
	})
}

// FnErr5 is a Constructor of fn.
func FnErr5[A, B, C, D, E, T any](fn func(A, B, C, D, E) (T, error)) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3]), argument[E](from, in[4]))
	})
}

// Fn6 is a Constructor of fn.
func Fn6[A, B, C, D, E, F, T any](fn func(A, B, C, D, E, F) T) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E](), reflect.TypeFor[F]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3]), argument[E](from, in[4]), argument[F](from, in[5])), nil
	})
}

// FnErr6 is a Constructor of fn.
func FnErr6[A, B, C, D, E, F, T any](fn func(A, B, C, D, E, F) (T, error)) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E](), reflect.TypeFor[F]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3]), argument[E](from, in[4]), argument[F](from, in[5]))
	})
}

// Fn7 is a Constructor of fn.
func Fn7[A, B, C, D, E, F, G, T any](fn func(A, B, C, D, E, F, G) T) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E](), reflect.TypeFor[F](), reflect.TypeFor[G]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3]), argument[E](from, in[4]), argument[F](from, in[5]), argument[G](from, in[6])), nil
	})
}

// FnErr7 is a Constructor of fn.
func FnErr7[A, B, C, D, E, F, G, T any](fn func(A, B, C, D, E, F, G) (T, error)) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E](), reflect.TypeFor[F](), reflect.TypeFor[G]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3]), argument[E](from, in[4]), argument[F](from, in[5]), argument[G](from, in[6]))
	})
}

// Fn8 is a Constructor of fn.
func Fn8[A, B, C, D, E, F, G, H, T any](fn func(A, B, C, D, E, F, G, H) T) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E](), reflect.TypeFor[F](), reflect.TypeFor[G](), reflect.TypeFor[H]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3]), argument[E](from, in[4]), argument[F](from, in[5]), argument[G](from, in[6]), argument[H](from, in[7])), nil
	})
}

// FnErr8 is a Constructor of fn.
func FnErr8[A, B, C, D, E, F, G, H, T any](fn func(A, B, C, D, E, F, G, H) (T, error)) Constructor {
	if fn == nil {
		return Constructor{}
	}
	return constructing(typesTaken(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E](), reflect.TypeFor[F](), reflect.TypeFor[G](), reflect.TypeFor[H]()), func(from arguments, in []int) (T, error) {
		return fn(argument[A](from, in[0]), argument[B](from, in[1]), argument[C](from, in[2]), argument[D](from, in[3]), argument[E](from, in[4]), argument[F](from, in[5]), argument[G](from, in[6]), argument[H](from, in[7]))
	})
}

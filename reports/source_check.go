package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// fieldErrors collects what is wrong with the settings of a source. Each method applies an input to a setting and leaves alone what is nil in
// it: the default of a new source, what an existing one has.
type fieldErrors []schemas.Field

func (f *fieldErrors) add(location, message string) {
	*f = append(*f, schemas.Field{Location: location, Message: message})
}

// optIn records who vouched for the consent and when (R06).
func (f *fieldErrors) optIn(src *schemas.Source, in *optInInput, now time.Time) {
	if in == nil {
		return
	}
	by := strings.TrimSpace(in.ConfirmedBy)
	switch on := in.Email != nil && *in.Email || in.SMS != nil && *in.SMS; {
	case on && by == "":
		f.add("body.opt_in.confirmed_by", "must name who confirms that the contacts have given consent, because opt_in.email or opt_in.sms is true")
		return
	case by != "" && in.Email == nil && in.SMS == nil:
		f.add("body.opt_in.confirmed_by", "must come with what is confirmed: opt_in.email or opt_in.sms")
		return
	}
	if in.Email != nil {
		src.Confirm(schemas.ChannelEmail, *in.Email, by, now)
	}
	if in.SMS != nil {
		src.Confirm(schemas.ChannelSMS, *in.SMS, by, now)
	}
}

// retention takes the input at a location of the request.
func (f *fieldErrors) retention(at string, to *schemas.Retention, in *retentionInput) {
	if in == nil {
		return
	}
	r := schemas.Retention{Days: in.Days, Activities: in.Activities}
	if r.Days == 0 {
		r.Days = schemas.DefaultRetentionDays
	}
	for slug, days := range in.Activities {
		if !slices.Contains(activitySlugs, slug) {
			f.add(at+".activities."+slug, "is not an activity; accepted: "+strings.Join(activitySlugs, ", "))
		} else if days < r.Days || days > maxRetentionDays {
			f.add(at+".activities."+slug, fmt.Sprintf(
				"must be %d to %d days: all activities are kept for the %d of days, and those named here longer", r.Days, maxRetentionDays, r.Days))
		}
	}
	*to = r
}

const maxRetentionDays = 36500

func (f *fieldErrors) fields(to *schemas.FieldRules, in *fieldsInput) {
	if in == nil {
		return
	}
	if in.OnlyIfEmpty != nil {
		to.OnlyIfEmpty = *in.OnlyIfEmpty
	}
	if in.Writable != nil {
		f.known("body.fields.writable", *in.Writable, schemas.WritableFields)
		to.Writable = *in.Writable
	}
}

func (f *fieldErrors) identifiers(to *[]string, in *[]string) {
	if in == nil {
		return
	}
	if len(*in) == 0 {
		f.add("body.identifiers", "must name at least one of "+strings.Join(schemas.IdentifierKinds, ", "))
	}
	f.known("body.identifiers", *in, schemas.IdentifierKinds)
	*to = *in
}

// known refuses values that are not accepted or repeated.
func (f *fieldErrors) known(location string, values, accepted []string) {
	for i, v := range values {
		at := fmt.Sprintf("%s[%d]", location, i)
		if !slices.Contains(accepted, v) {
			f.add(at, "accepted: "+strings.Join(accepted, ", "))
		} else if slices.Contains(values[:i], v) {
			f.add(at, givenTwice)
		}
	}
}

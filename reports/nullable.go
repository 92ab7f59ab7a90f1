package reports

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// typeNull is the type of null in JSON Schema.
const typeNull = "null"

// orNull lets members of an answer be null in its schema: huma leaves null out of the values of an enum and of references.
func orNull(s *huma.Schema, names ...string) *huma.Schema {
	for _, name := range names {
		member := s.Properties[name]
		if member.Ref != "" {
			s.Properties[name] = &huma.Schema{Description: member.Description, OneOf: []*huma.Schema{{Ref: member.Ref}, {Type: typeNull}}}
			continue
		}
		member.Enum = append(member.Enum, nil)
	}
	return s
}

// TransformSchema is read by huma.
func (*ticketFacts) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "csat", "touch")
}

// TransformSchema is read by huma.
func (*audienceView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "deliver")
}

// TransformSchema is read by huma.
func (*retentionAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "job")
}

// TransformSchema is read by huma.
func (*previewAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "person")
}

// documented says of a member what is too long for a tag.
func documented(s *huma.Schema, name, doc string) *huma.Schema {
	s.Properties[name].Description = doc
	return s
}

// optionalOrNull lets the members that a body may lack be null in its schema: huma takes null as if they were not given.
func optionalOrNull(registry huma.Registry, body *huma.Schema) {
	for body.Ref != "" {
		body = registry.SchemaFromRef(body.Ref)
	}
	if body.Items != nil {
		optionalOrNull(registry, body.Items)
	}
	for name, member := range body.Properties {
		optionalOrNull(registry, member)
		if slices.Contains(body.Required, name) {
			continue
		}
		for member.Ref != "" {
			member = registry.SchemaFromRef(member.Ref)
		}
		if member.Nullable = member.Type != ""; member.Enum != nil && !slices.Contains(member.Enum, nil) {
			member.Enum = append(member.Enum, nil)
		}
	}
}

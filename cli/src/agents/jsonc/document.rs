//! A settings file as read: the places an edit needs, and the value as a whole.

use std::ops::Range;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::tokens::Token;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};

use super::large::pass_over;
use super::plain::{plain, without_lone_surrogates};
use super::tree::Tree;
use super::{Dialect, EditError, Format};

/// A settings file in which our place is clear: the root is an object, and the
/// root key is in it at most once, with an object.
pub(super) struct Document<'t> {
    pub(super) text: &'t str,
    /// Every token and comment, in order. What lies between two is whitespace.
    pub(super) pieces: Vec<Piece>,
    /// The object that all settings are in.
    pub(super) whole: Range<usize>,
    /// The object that has the root key: that one, or one in it.
    pub(super) root: Braces,
    /// The object under the root key, and its property's index in `root`.
    pub(super) servers: Option<(usize, Braces)>,
    pub(super) tree: Tree,
}

/// A token or a comment, and the bytes it occupies.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) kind: PieceKind,
    pub(super) span: Range<usize>,
}

/// As much as an edit needs to know about a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    Comma,
    Colon,
    LineComment,
    BlockComment,
    Other,
}

impl PieceKind {
    pub(super) const fn is_comment(self) -> bool {
        matches!(self, Self::LineComment | Self::BlockComment)
    }
}

/// An object: where it is, and where its properties are.
#[derive(Debug)]
pub(super) struct Braces {
    /// From the opening brace to just after the closing one.
    pub(super) span: Range<usize>,
    pub(super) properties: Vec<Property>,
}

#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: String,
    /// From the name's quote to the end of the value.
    pub(super) span: Range<usize>,
    pub(super) value: Range<usize>,
}

impl<'t> Document<'t> {
    /// Reads `text` twice, and finds the object under `root_key`, in the one that `within`
    /// leads to.
    pub(super) fn read(
        text: &'t str,
        dialect: Dialect,
        within: &[String],
        root_key: &str,
    ) -> Result<Self, EditError> {
        let format = Format::Json(dialect);
        let masked = without_lone_surrogates(text);
        let passed_over =
            pass_over(&masked, dialect, within.first().map_or(root_key, String::as_str));
        let read = passed_over.as_ref().map_or(&*masked, |passed_over| &passed_over.text);
        let parsed = parse_to_ast(read, &every_piece(dialect), &parse_options(dialect))
            .map_err(|error| EditError::Broken { format, reason: error.to_string() })?;
        let value = parsed.value.ok_or(EditError::RootNotObject { format, found: "nothing" })?;
        let mut tree = serde_json::from_str::<Tree>(&plain(read, dialect))
            .map_err(|error| EditError::Broken { format, reason: error.to_string() })?;
        if !tree.is(&value) {
            return Err(EditError::Ambiguous);
        }
        if let Some(passed_over) = &passed_over {
            passed_over.put_back(&mut tree, &masked);
        }
        let Value::Object(object) = &value else {
            return Err(EditError::RootNotObject { format, found: tree.kind() });
        };
        let at = |read: usize| passed_over.as_ref().map_or(read, |it| it.position(read));
        let (whole, mut object) = (at(object.range.start)..at(object.range.end), object);
        let mut root = Braces::of(object, &at);
        for (depth, key) in within.iter().enumerate() {
            let index = root.index_of(key)?.ok_or(EditError::NoSection)?;
            object = inner(object, index).ok_or_else(|| {
                let found = tree.at(&within[..=depth]).map_or("nothing", Tree::kind);
                EditError::WrongType { format, key: key.clone(), found }
            })?;
            root = Braces::of(object, &at);
        }
        let servers = match root.index_of(root_key)? {
            None => None,
            Some(index) => {
                let servers = inner(object, index).ok_or_else(|| {
                    let found = tree.at(within).and_then(|root| root.get(root_key));
                    let found = found.map_or("nothing", Tree::kind);
                    EditError::WrongType { format, key: root_key.to_owned(), found }
                })?;
                Some((index, Braces::of(servers, &at)))
            }
        };
        let tokens = parsed.tokens.unwrap_or_default();
        let pieces = tokens
            .into_iter()
            .map(|token| Piece {
                kind: match token.token {
                    Token::Comma => PieceKind::Comma,
                    Token::Colon => PieceKind::Colon,
                    Token::CommentLine(_) => PieceKind::LineComment,
                    Token::CommentBlock(_) => PieceKind::BlockComment,
                    _ => PieceKind::Other,
                },
                span: at(token.range.start)..at(token.range.end),
            })
            .collect();
        Ok(Self { text, pieces, whole, root, servers, tree })
    }

    /// The last piece that ends at or before `position`.
    pub(super) fn piece_before(&self, position: usize) -> Option<&Piece> {
        let end = self.pieces.partition_point(|piece| piece.span.end <= position);
        self.pieces[..end].last()
    }

    /// The pieces that start at or after `position`.
    pub(super) fn pieces_from(&self, position: usize) -> &[Piece] {
        &self.pieces[self.pieces.partition_point(|piece| piece.span.start < position)..]
    }

    /// Whether a comment stands between the braces, at any depth.
    pub(super) fn has_comments(&self, braces: &Braces) -> bool {
        self.pieces_from(braces.span.start)
            .iter()
            .take_while(|piece| piece.span.end < braces.span.end)
            .any(|piece| piece.kind.is_comment())
    }

    /// The spaces and tabs that start the line of `position`.
    pub(super) fn indent(&self, position: usize) -> &'t str {
        let line = &self.text[self.line_start(position)..position];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Whether nothing but spaces and tabs comes before `position` on its line,
    /// and there is a line before it.
    pub(super) fn starts_line(&self, position: usize) -> bool {
        let start = self.line_start(position);
        start > 0 && start + self.indent(position).len() == position
    }

    fn line_start(&self, position: usize) -> usize {
        self.text[..position].rfind('\n').map_or(0, |newline| newline + 1)
    }
}

/// The object that is the value of the property at `index`, if it is one.
fn inner<'v, 't>(object: &'v Object<'t>, index: usize) -> Option<&'v Object<'t>> {
    match &object.properties[index].value {
        Value::Object(inner) => Some(inner),
        _ => None,
    }
}

impl Braces {
    /// `at` says where in the text a position is that was read.
    fn of(object: &Object<'_>, at: &impl Fn(usize) -> usize) -> Self {
        let properties = object.properties.iter().map(|property| {
            let value = match &property.value {
                Value::Object(value) => value.range,
                Value::Array(value) => value.range,
                Value::StringLit(value) => value.range,
                Value::NumberLit(value) => value.range,
                Value::BooleanLit(value) => value.range,
                Value::NullKeyword(value) => value.range,
            };
            Property {
                name: property.name.as_str().to_owned(),
                span: at(property.range.start)..at(property.range.end),
                value: at(value.start)..at(value.end),
            }
        });
        let span = at(object.range.start)..at(object.range.end);
        Self { span, properties: properties.collect() }
    }

    /// The index of the property called `key`. That it comes once is checked
    /// here: editors change the first of two, JavaScript reads the last.
    pub(super) fn index_of(&self, key: &str) -> Result<Option<usize>, EditError> {
        let mut indices = (0..self.properties.len()).filter(|&i| self.properties[i].name == key);
        let first = indices.next();
        if indices.next().is_some() {
            return Err(EditError::Duplicate { key: key.to_owned() });
        }
        Ok(first)
    }

    /// The position of the closing brace.
    pub(super) const fn close(&self) -> usize {
        self.span.end - 1
    }
}

/// Collects comments where there may be some. As tokens they would be accepted
/// whatever the parse options say, so the strict dialect does not collect them.
fn every_piece(dialect: Dialect) -> CollectOptions {
    let comments = if dialect.has_comments() {
        CommentCollectionStrategy::AsTokens
    } else {
        CommentCollectionStrategy::Off
    };
    CollectOptions { comments, tokens: true }
}

/// What `jsonc-parser` may accept: it is lenient in ten ways, our clients in
/// two at most.
fn parse_options(dialect: Dialect) -> ParseOptions {
    ParseOptions {
        allow_comments: dialect.has_comments(),
        allow_trailing_commas: dialect.has_trailing_commas(),
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

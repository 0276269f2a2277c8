//! How large a surface may be: it is kept in a lock, and compared at each list.

use super::{Item, Kind, Surface, WireSurface, check_name};
use crate::text::first_hidden;
use crate::{Code, Coded};

impl Surface {
    /// The most items of one kind. The largest servers we know have some hundred tools.
    pub const MAX_ITEMS: usize = 1024;

    /// The longest name of a version of the protocol, in bytes.
    const MAX_PROTOCOL_LEN: usize = 32;
}

/// Why something is no surface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SurfaceError {
    /// There are too many items of a kind.
    #[error("a server may show at most {max} {0:?}s", max = Surface::MAX_ITEMS)]
    Items(Kind),
    /// An item has a name or a field that no item has.
    #[error("a surface has a {0:?} that cannot be one")]
    Item(Kind),
    /// The versions of the protocol are none, or no versions.
    #[error("a surface names the versions of the protocol that it was read under")]
    Protocols,
}

impl Coded for SurfaceError {
    fn code(&self) -> Code {
        match self {
            Self::Items(_) => Code::Limit,
            Self::Item(_) | Self::Protocols => Code::Lock,
        }
    }
}

/// Whether `text` may be the name of a version of the protocol.
pub(crate) fn is_protocol(text: &str) -> bool {
    (1..=Surface::MAX_PROTOCOL_LEN).contains(&text.len()) && first_hidden(text).is_none()
}

impl TryFrom<WireSurface> for Surface {
    type Error = SurfaceError;

    fn try_from(wire: WireSurface) -> Result<Self, SurfaceError> {
        let WireSurface { protocols, instructions, tools, prompts, resources, templates } = wire;
        let surface = Self { protocols, instructions, tools, prompts, resources, templates };
        if surface.protocols.is_empty() || !surface.protocols.iter().all(|one| is_protocol(one)) {
            return Err(SurfaceError::Protocols);
        }
        for kind in Kind::ALL {
            let items = surface.items(kind);
            if items.len() > Self::MAX_ITEMS {
                return Err(SurfaceError::Items(kind));
            }
            let is_item = |(name, item): (&String, &Item)| {
                check_name(kind, name).is_ok() && item.is_bounded()
            };
            if !items.iter().all(is_item) {
                return Err(SurfaceError::Item(kind));
            }
        }
        Ok(surface)
    }
}

//! Operations: each handler is served and described by one list.
//!
//! The path and the method of an operation stand in its `#[utoipa::path]`, and nowhere else. [`operations!`] makes two
//! functions of a list of handlers: `routes`, which serves them, and `described`, which makes their part of the
//! document. What is served never builds a description: that would be a third of a cold start, and half a megabyte of
//! code, for a document that is checked in.

use crate::App;
use axum::handler::Handler;
use axum::routing::MethodRouter;
use utoipa_axum::PathItemExt as _;

/// Makes `routes` and `described` of handlers.
macro_rules! operations {
    ($visibility:vis $($handler:ident),+ $(,)?) => {
        /// Serves the operations.
        $visibility fn routes() -> axum::Router<$crate::App> {
            pastey::paste! {
                axum::Router::new()$(.route(
                    &<[<__path_ $handler>] as utoipa::Path>::path(),
                    $crate::operations::served::<[<__path_ $handler>], _, _>(&$handler),
                ))+
            }
        }

        /// Describes the operations.
        $visibility fn described() -> utoipa_axum::router::OpenApiRouter<$crate::App> {
            utoipa_axum::router::OpenApiRouter::new()$(.routes(utoipa_axum::routes!($handler)))+
        }
    };
}
pub(crate) use operations;

/// A handler under the methods that its description names.
pub(crate) fn served<P, H, T>(handler: &H) -> MethodRouter<App>
where
    P: utoipa::Path,
    H: Handler<T, App>,
    T: 'static,
{
    P::methods()
        .into_iter()
        .fold(MethodRouter::new(), |router, method| router.on(method.to_method_filter(), handler.clone()))
}

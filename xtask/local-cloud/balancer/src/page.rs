//! The load balancer's own answers.

use std::time::SystemTime;

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, DATE, SERVER},
};

use crate::response_body::ResponseBody;

/// What the load balancer calls itself.
pub(crate) const SERVER_NAME: &str = "awselb/2.0";

/// A small page that names the status, as the load balancer makes it.
pub(crate) fn response(status: StatusCode) -> Response<ResponseBody> {
    let mut response = bare(status, html(status).into());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// A response with the body and no word on its type.
pub(crate) fn bare(status: StatusCode, body: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::page(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static(SERVER_NAME));
    headers.insert(DATE, date());
    response
}

/// The current `Date`.
pub(crate) fn date() -> HeaderValue {
    let text = httpdate::fmt_http_date(SystemTime::now());
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The whole answer as bytes, for a request that never became one.
pub(crate) fn bytes(status: StatusCode, date: &str) -> Vec<u8> {
    let page = html(status);
    let (title, length) = (title(status), page.len());
    format!(
        "HTTP/1.1 {title}\r\nServer: {SERVER_NAME}\r\nDate: {date}\r\nContent-Type: text/html\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{page}"
    )
    .into_bytes()
}

fn html(status: StatusCode) -> String {
    let title = title(status);
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
         <center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
}

fn title(status: StatusCode) -> String {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    title.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_receives() {
        let page = bytes(StatusCode::BAD_REQUEST, "Sun, 06 Nov 1994 08:49:37 GMT");
        insta::assert_snapshot!(String::from_utf8(page).unwrap().replace('\r', ""), @r"
        HTTP/1.1 400 Bad Request
        Server: awselb/2.0
        Date: Sun, 06 Nov 1994 08:49:37 GMT
        Content-Type: text/html
        Content-Length: 122
        Connection: close

        <html>
        <head><title>400 Bad Request</title></head>
        <body>
        <center><h1>400 Bad Request</h1></center>
        </body>
        </html>
        ");
    }
}

//! `data/<id>.parquet`: the columns of the plain CSV, typed; null where that is empty (publication 4).

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::ArrowWriterOptions;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;

use crate::csv::{MEASURES, figures};
use crate::dataflow::Dataflow;
use crate::edition::Edition;
use crate::error::{Error, Result};

/// The bytes of the file: zstd, with `marsad.release` and `marsad.statistic` in its key-value metadata.
///
/// # Errors
/// `Write` where the Parquet writer fails.
pub fn write(flow: &Dataflow, edition: &Edition) -> Result<Vec<u8>> {
    let batch = batch(flow).map_err(|source| Error::write(path(flow), source))?;
    let properties = properties(flow, edition).map_err(|source| Error::write(path(flow), source))?;
    let mut bytes = Vec::new();
    // Without Arrow's own copy of the schema: where that stands, pyarrow looks for the metadata in it alone.
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let writer = ArrowWriter::try_new_with_options(&mut bytes, batch.schema(), options);
    let written = writer.and_then(|mut writer| {
        writer.write(&batch)?;
        writer.close()
    });
    written.map_err(|source| Error::write(path(flow), source))?;
    Ok(bytes)
}

/// Its place in the bundle.
pub fn path(flow: &Dataflow) -> String {
    format!("data/{}.parquet", flow.id)
}

fn properties(flow: &Dataflow, edition: &Edition) -> ::parquet::errors::Result<WriterProperties> {
    let metadata = vec![
        KeyValue::new("marsad.release".to_owned(), edition.release.to_string()),
        KeyValue::new("marsad.statistic".to_owned(), flow.id.clone()),
    ];
    Ok(WriterProperties::builder()
        .set_created_by("marsad".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_key_value_metadata(Some(metadata))
        .build())
}

fn batch(flow: &Dataflow) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let mut fields = vec![text("TIME_PERIOD")];
    let mut columns: Vec<ArrayRef> = vec![strings(flow.rows.iter().map(|row| row.period.to_string()))];
    for (place, dimension) in flow.dimensions.iter().enumerate() {
        fields.push(text(&dimension.id));
        columns.push(strings(flow.rows.iter().map(|row| dimension.codes[row.codes[place]].id.clone())));
    }
    let figures: Vec<[String; 6]> = flow.rows.iter().map(figures).collect();
    for (place, name) in MEASURES.iter().enumerate().take(6) {
        let texts = figures.iter().map(|figures| &figures[place]);
        let (kind, column): (DataType, ArrayRef) = if place < 4 {
            (
                DataType::Float64,
                Arc::new(texts.map(|text| text.parse::<f64>().ok()).collect::<Float64Array>()),
            )
        } else {
            (DataType::Int64, Arc::new(texts.map(|text| text.parse::<i64>().ok()).collect::<Int64Array>()))
        };
        fields.push(Field::new(*name, kind, true));
        columns.push(column);
    }
    fields.push(text("OBS_STATUS"));
    columns.push(strings(flow.rows.iter().map(|row| row.status().to_owned())));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn strings(texts: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

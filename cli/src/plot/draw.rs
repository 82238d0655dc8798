//! The picture of a census: a map, bars, and grids, below each other.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::census::{Camera, Census, Month, Row};
use super::land;

/// What goes wrong while a picture is drawn.
pub(super) type DrawError = Box<dyn std::error::Error>;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The size of the parts, in pixels.
const WIDTH: u32 = 1_200;
const LEGEND: u32 = 56;
const MAP: u32 = 600;
const MONTHS: u32 = 300;
const GRID: u32 = 300;

/// How many grids stand beside each other.
const GRIDS_A_LINE: usize = 4;

/// Colours that people tell apart, also those who see fewer: the ones that Okabe and Ito have chosen, without the
/// lightest, and another brown.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(140, 86, 75),
];

const LAND: RGBColor = RGBColor(226, 226, 220);
const COAST: RGBColor = RGBColor(150, 150, 145);
const FAINT: RGBColor = RGBColor(225, 230, 235);

/// The picture, as SVG. The same census is the same picture.
pub(super) fn picture(census: &Census) -> Result<String, DrawError> {
    let lines = census.cameras.len().div_ceil(GRIDS_A_LINE) as u32;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, LEGEND + MAP + MONTHS + GRID * lines)).into_drawing_area();
        root.fill(&WHITE)?;
        let (top, rest) = root.split_vertically(LEGEND);
        legend(&top, census)?;
        let (top, rest) = rest.split_vertically(MAP);
        map(&top, census)?;
        let (top, rest) = rest.split_vertically(MONTHS);
        months(&top, census)?;
        let areas = rest.split_evenly((lines.max(1) as usize, GRIDS_A_LINE));
        for (((id, camera), colour), area) in census.cameras.iter().zip(COLOURS.iter().cycle()).zip(&areas) {
            grid(area, id, camera, *colour)?;
        }
        root.present()?;
    }
    Ok(svg)
}

/// The cameras, their colours, and how many scenes each has.
fn legend(area: &Area<'_>, census: &Census) -> Result<(), DrawError> {
    let text = ("sans-serif", 14).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    for (at, ((id, camera), colour)) in census.cameras.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let (x, y) = (60 + (at % GRIDS_A_LINE) as i32 * 280, 16 + (at / GRIDS_A_LINE) as i32 * 22);
        area.draw(&Rectangle::new([(x, y - 6), (x + 12, y + 6)], colour.filled()))?;
        area.draw(&Text::new(format!("{id}: {}", scenes(camera.scenes())), (x + 20, y), text.clone()))?;
    }
    Ok(())
}

fn scenes(count: u64) -> String {
    if count == 1 { "1 scene".to_owned() } else { format!("{} scenes", indicatif::HumanCount(count)) }
}

/// The footprint of each row, on the world in degrees.
fn map(area: &Area<'_>, census: &Census) -> Result<(), DrawError> {
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(24)
        .y_label_area_size(48)
        .build_cartesian_2d(-180.0..180.0, -90.0..90.0)?;
    chart
        .configure_mesh()
        .disable_axes()
        .x_labels(13)
        .y_labels(7)
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for ring in land::rings() {
        chart.draw_series([Polygon::new(ring.clone(), LAND.filled())])?;
        chart.draw_series([PathElement::new(ring, COAST)])?;
    }
    for (camera, colour) in census.cameras.values().zip(COLOURS.iter().cycle()) {
        let rings = camera.rows.values().flat_map(|row| &row.footprint);
        chart.draw_series(rings.clone().map(|ring| Polygon::new(ring.clone(), colour.mix(0.3).filled())))?;
        chart.draw_series(rings.map(|ring| PathElement::new(ring.clone(), colour.mix(0.8))))?;
    }
    let degrees = |degrees: &f64| format!("{degrees:.0}\u{b0}");
    chart
        .configure_mesh()
        .disable_mesh()
        .x_labels(13)
        .y_labels(7)
        .x_label_formatter(&degrees)
        .y_label_formatter(&degrees)
        .label_style(("sans-serif", 12))
        .draw()?;
    Ok(())
}

/// Scenes acquired in each month, those of the cameras on top of each other.
fn months(area: &Area<'_>, census: &Census) -> Result<(), DrawError> {
    let all = || census.cameras.values().flat_map(|camera| camera.months.keys());
    let (Some(Month(first)), Some(Month(last))) = (all().min(), all().max()) else { return Ok(()) };
    let of = |camera: &Camera, month| camera.months.get(&Month(month)).copied().unwrap_or(0);
    let total = |month| -> u64 { census.cameras.values().map(|camera| of(camera, month)).sum() };
    let most = (*first..=*last).map(total).max().unwrap_or(0);
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .caption("scenes a month", ("sans-serif", 16))
        .x_label_area_size(28)
        .y_label_area_size(48)
        .build_cartesian_2d(f64::from(*first)..f64::from(last + 1), 0.0..most as f64 * 1.05)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .x_labels(12)
        .x_label_formatter(&|month| Month(month.floor() as i32).name())
        .y_label_formatter(&|count| indicatif::HumanCount(count.round() as u64).to_string())
        .label_style(("sans-serif", 12))
        .draw()?;
    for month in *first..=*last {
        let mut below = 0.0;
        for (camera, colour) in census.cameras.values().zip(COLOURS.iter().cycle()) {
            let above = below + of(camera, month) as f64;
            if above > below {
                let (left, right) = (f64::from(month) + 0.05, f64::from(month) + 0.95);
                chart.draw_series([Rectangle::new([(left, below), (right, above)], colour.filled())])?;
            }
            below = above;
        }
    }
    Ok(())
}

/// The rows of a camera on its grid, darker the more scenes they have. Rows grow southwards.
fn grid(area: &Area<'_>, id: &str, camera: &Camera, colour: RGBColor) -> Result<(), DrawError> {
    let range = |of: fn(&(u16, u16)) -> u16| {
        let numbers = || camera.rows.keys().map(of);
        (f64::from(numbers().min().unwrap_or(0)), f64::from(numbers().max().unwrap_or(0)))
    };
    let ((west, east), (north, south)) = (range(|place| place.0), range(|place| place.1));
    let most = camera.rows.values().map(|row| row.scenes).max().unwrap_or(1);
    let rows = indicatif::HumanCount(camera.rows.len() as u64);
    let caption =
        format!("{id}: {rows} row{}, at most {}", if camera.rows.len() == 1 { "" } else { "s" }, scenes(most));
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .caption(caption, ("sans-serif", 13))
        .x_label_area_size(34)
        .y_label_area_size(48)
        .build_cartesian_2d(west - 1.5..east + 1.5, -south - 1.5..1.5 - north)?;
    chart
        .configure_mesh()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .x_labels(5)
        .y_labels(6)
        .x_label_formatter(&|path| format!("{path:.0}"))
        .y_label_formatter(&|row| format!("{:.0}", -row))
        .x_desc("path")
        .y_desc("row")
        .label_style(("sans-serif", 11))
        .draw()?;
    let cell = |(&(path, row), Row { scenes, .. }): (&(u16, u16), &Row)| {
        let (x, y) = (f64::from(path), -f64::from(row));
        // A lone row on a wide grid is drawn larger than it is, so that it is seen.
        let (half_x, half_y) = ((0.5_f64).max((east - west) / 120.0), (0.5_f64).max((south - north) / 90.0));
        let darkness = 0.35 + 0.65 * (*scenes as f64).ln_1p() / (most as f64).ln_1p();
        Rectangle::new([(x - half_x, y - half_y), (x + half_x, y + half_y)], colour.mix(darkness).filled())
    };
    chart.draw_series(camera.rows.iter().map(cell))?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::census::tests::catalog;
    use super::*;

    fn drawn(items: &[&str]) -> String {
        picture(&Census::take(catalog(items).path()).unwrap()).unwrap()
    }

    const ITEMS: [&str; 3] = [
        "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2.json",
        "CBERS4/MUX/057/121/CBERS_4_MUX_20170714_057_121_L4.json",
        "AMAZONIA1/WFI/036/018/AMAZONIA_1_WFI_20210101_036_018_L4.json",
    ];

    #[test]
    fn a_picture_names_each_camera_with_its_scenes_and_rows() {
        let picture = drawn(&ITEMS);
        for told in
            ["CBERS4-MUX: 2 scenes", "AMAZONIA1-WFI: 1 scene", "CBERS4-MUX: 1 row, at most 2 scenes", "scenes a month"]
        {
            assert!(picture.contains(told), "{told}");
        }
    }

    #[test]
    fn each_row_adds_a_footprint_and_a_cell_and_each_month_a_bar() {
        let count = |picture: &str, element: &str| picture.matches(element).count();
        let (one, two) = (drawn(&ITEMS[..1]), drawn(&ITEMS));
        let land = land::rings().count();
        assert_eq!((count(&one, "<polygon"), count(&two, "<polygon")), (land + 1, land + 2));
        // Another row has a cell, and a sign in the legend; two more months have a bar each.
        assert_eq!(count(&two, "<rect") - count(&one, "<rect"), 4);
    }

    #[test]
    fn the_same_catalog_is_the_same_picture_and_another_is_another() {
        assert_eq!(drawn(&ITEMS), drawn(&ITEMS));
        assert_ne!(drawn(&ITEMS), drawn(&ITEMS[..2]));
    }
}

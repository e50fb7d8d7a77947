output "configuration" {
  description = "What goes into .deployer/config.yaml of the repository"
  value = yamlencode({
    version = "v1"
    backend = { type = "s3", bucket = aws_s3_bucket.state.id, region = aws_s3_bucket.state.region }
    locks   = { type = "dynamodb", table = aws_dynamodb_table.locks.name, region = aws_s3_bucket.state.region }
  })
}
